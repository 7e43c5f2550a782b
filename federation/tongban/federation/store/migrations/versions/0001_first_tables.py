"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _integer(name: str, empty: bool = False) -> sa.Column[int]:
    return sa.Column(name, _INTEGER, nullable=empty, autoincrement=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Create them."""
    _claims_and_evidence()
    _cases()
    _queues()
    _settings()


def _claims_and_evidence() -> None:
    op.create_table(
        "claims",
        _text("key"),
        _bytes("digest"),
        _bytes("outcome"),
        _integer("expires", empty=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("claims_expires", "claims", ["expires"])
    op.create_table(
        "evidence",
        _integer("position"),
        _bytes("record"),
        _bytes("leaf"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table("checkpoints", _integer("size"), _bytes("checkpoint"), sa.PrimaryKeyConstraint("size"))


def _cases() -> None:
    op.create_table(
        "acts",
        *(_text("case_id"), _text("author"), _integer("n"), _bytes("act"), _bytes("seal")),
        sa.PrimaryKeyConstraint("case_id", "author", "n"),
    )
    op.create_table(
        "events",
        *(_text("case_id"), _integer("sequence")),
        *(_bytes("event"), _bytes("act"), _bytes("act_seal"), _bytes("event_seal")),
        sa.PrimaryKeyConstraint("case_id", "sequence"),
    )
    op.create_table(
        "cases",
        *(_text("case_id"), _text("intake"), _text("handling"), _text("item_code"), _text("item_name")),
        *(_text("state"), _text("intake_number"), _text("case_number")),
        *(_integer("sequence"), _text("window"), _integer("updated")),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index("cases_state_updated", "cases", ["state", "updated"])
    op.create_index("cases_updated_case_id", "cases", ["updated", "case_id"])
    op.create_index("cases_intake_number", "cases", ["intake_number"])
    op.create_index("cases_case_number", "cases", ["case_number"])


def _queues() -> None:
    op.create_table(
        "outbox",
        *(_text("message_id"), _text("peer"), _text("case_id"), _integer("position")),
        *(_text("method"), _bytes("context"), _bytes("body"), _integer("valid_until")),
        *(_integer("attempt"), _integer("not_before"), _text("state"), _text("error")),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("outbox_peer_state_position", "outbox", ["peer", "state", "position"])
    op.create_index("outbox_case_peer_state_position", "outbox", ["case_id", "peer", "state", "position"])
    op.create_table(
        "work",
        *(_text("case_id"), _integer("sequence"), _integer("not_before"), _integer("attempt"), _text("error")),
        sa.PrimaryKeyConstraint("case_id", "sequence"),
    )
    op.create_index("work_not_before", "work", ["not_before"])


def _settings() -> None:
    op.create_table(
        "windows",
        *(_text("window_id"), _text("name"), _text("roles")),
        *(_bytes("token_digest"), _integer("created"), _integer("revoked", empty=True)),
        sa.PrimaryKeyConstraint("window_id"),
    )
    op.create_table(
        "documents",
        *(_text("name"), _integer("version"), _bytes("digest")),
        *(_integer("expires", empty=True), _bytes("signed")),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table("serials", _text("name"), _integer("next"), sa.PrimaryKeyConstraint("name"))
