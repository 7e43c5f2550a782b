"""The tables of a store, for SQLite and PostgreSQL. Times are microseconds since the epoch."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# SQLite keeps a table in the order of its key, with no index beside it, only if the type reads INTEGER.
_Integer = BigInteger().with_variant(Integer(), "sqlite")


def _integer(name: str, key: bool = False, empty: bool = False) -> Column[int]:
    return Column(name, _Integer, primary_key=key, nullable=empty, autoincrement=False)


def _text(name: str, key: bool = False) -> Column[str]:
    return Column(name, Text(), primary_key=key, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)


claims = Table(
    "claims",
    metadata,
    _text("key", key=True),
    _bytes("digest"),
    _bytes("outcome"),
    _integer("expires", empty=True),
    Index("claims_expires", "expires"),
)

evidence = Table("evidence", metadata, _integer("position", key=True), _bytes("record"), _bytes("leaf"))

checkpoints = Table("checkpoints", metadata, _integer("size", key=True), _bytes("checkpoint"))

acts = Table(
    "acts",
    metadata,
    _text("case_id", key=True),
    _text("author", key=True),
    _integer("n", key=True),
    _bytes("act"),
    _bytes("seal"),
)

events = Table(
    "events",
    metadata,
    _text("case_id", key=True),
    _integer("sequence", key=True),
    _bytes("event"),
    _bytes("act"),
    _bytes("act_seal"),
    _bytes("event_seal"),
)

cases = Table(
    "cases",
    metadata,
    _text("case_id", key=True),
    _text("intake"),
    _text("handling"),
    _text("item_code"),
    _text("item_name"),
    _text("state"),
    _text("intake_number"),
    _text("case_number"),
    _integer("sequence"),
    _text("window"),
    _integer("updated"),
    Index("cases_state_updated", "state", "updated"),
    Index("cases_updated_case_id", "updated", "case_id"),
    Index("cases_intake_number", "intake_number"),
    Index("cases_case_number", "case_number"),
)

outbox = Table(
    "outbox",
    metadata,
    _text("message_id", key=True),
    _text("peer"),
    _text("case_id"),
    _integer("position"),
    _text("method"),
    _bytes("context"),
    _bytes("body"),
    _integer("valid_until"),
    _integer("attempt"),
    _integer("not_before"),
    _text("state"),
    _text("error"),
    Index("outbox_peer_state_position", "peer", "state", "position"),
    # Finds what stands before a message in its case; without it a long queue costs its square.
    Index("outbox_case_peer_state_position", "case_id", "peer", "state", "position"),
)

work = Table(
    "work",
    metadata,
    _text("case_id", key=True),
    _integer("sequence", key=True),
    _integer("not_before"),
    _integer("attempt"),
    _text("error"),
    Index("work_not_before", "not_before"),
)

materials = Table("materials", metadata, _text("digest", key=True), _text("case_id"))

windows = Table(
    "windows",
    metadata,
    _text("window_id", key=True),
    _text("name"),
    _text("roles"),
    _bytes("token_digest"),
    _integer("created"),
    _integer("revoked", empty=True),
)

documents = Table(
    "documents",
    metadata,
    _text("name", key=True),
    _integer("version"),
    _bytes("digest"),
    _integer("expires", empty=True),
    _bytes("signed"),
)

serials = Table("serials", metadata, _text("name", key=True), _integer("next"))

# The column of each table that holds personal data and is encrypted at rest. Claims last: to check a key by them
# may take a search for the few that have an outcome.
SEALED = {"acts": "act", "events": "act", "outbox": "body", "claims": "outcome"}

# Where most of these values are empty: an empty one is written as it is.
EMPTY_UNSEALED = frozenset({"claims"})
