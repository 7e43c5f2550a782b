"""Brings a store's schema to what this version of the node knows."""

from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from tongban.federation.store.errors import StoreFailed

HEAD = "0002"
"""The newest revision in ``versions/``."""

_RECORDED = text("SELECT version_num FROM alembic_version")


def migrate(engine: Engine) -> None:
    """Run what is missing up to `HEAD`, all in one transaction or nothing.

    Raises StoreFailed for a database that a newer version wrote.
    """
    recorded = _recorded(engine)
    if recorded == HEAD:
        return
    with engine.begin() as connection:
        _upgrade(connection, recorded)


def _recorded(engine: Engine) -> str | None:
    try:
        with engine.begin() as connection:
            revision: str | None = connection.scalar(_RECORDED)
            return revision
    except (OperationalError, ProgrammingError):  # no such table: a new database
        return None


def _upgrade(connection: Connection, recorded: str | None) -> None:
    # Late, because it takes longer than all the rest of opening a store and is rarely needed.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if recorded is not None and recorded not in known:
        raise StoreFailed(
            f"the store was written by a newer version of Tongban (its schema is {recorded}, this version "
            f"knows up to {HEAD}): install that version, or restore a backup made before it"
        )
    command.upgrade(config, "head")
