"""Built-in plugin ``credit``: the credit source 信用查询 of a member that keeps a register of its own.

Setting:

``register``
    CSV with the columns ``credit_code``, ``kind``, ``title``, ``authority``, ``recorded_on``, ``shown_until`` and
    ``repaired``, or an SQLite file with a table ``credit_records`` of these columns. ``kind`` is a `RecordKind` by
    name, dates are yyyy-mm-dd, ``shown_until`` may be empty, ``repaired`` is 0 or 1 (or false or true).

It tells all records of an organisation, also repaired ones and ones past their last day: whoever asks the source
decides what may be shown and used. No record is an answer; a register that cannot be read is none.
"""

from collections.abc import Sequence
from datetime import date

from tongban.core import Column, CreditRecord, PluginSettings, RecordKind, hookimpl
from tongban.core.sources import CreditSource
from tongban.plugins.registers import Register, Row, Table, is_in_memory, open_register

_REPAIRED = {"0": False, "1": True, "false": False, "true": True}

_TABLE = Table(
    "credit_records",
    Column("credit_code", "credit-code"),
    [
        Column("kind", choices=[kind.value for kind in RecordKind]),
        Column("title"),
        Column("authority"),
        Column("recorded_on", "date"),
        Column("shown_until", "date", required=False),
        Column("repaired", choices=list(_REPAIRED)),
    ],
)


@hookimpl
def tongban_credit_source(settings: PluginSettings) -> CreditSource:
    """Return the source.

    Raises:
        SettingError: the register is not set or cannot be read.
    """
    register = open_register(settings, "register", _TABLE)
    if not is_in_memory(settings, "register"):
        return lambda credit_code: _records(register, credit_code)

    async def on_the_loop(credit_code: str) -> Sequence[CreditRecord]:
        return _records(register, credit_code)

    return on_the_loop  # To change threads costs more than a look into memory.


def _records(register: Register, credit_code: str) -> Sequence[CreditRecord]:
    return [_record(row) for row in register(credit_code)]


def _record(row: Row) -> CreditRecord:
    return CreditRecord(
        kind=RecordKind(row["kind"]),
        title=row["title"],
        authority=row["authority"],
        recorded_on=date.fromisoformat(row["recorded_on"]),
        shown_until=date.fromisoformat(row["shown_until"]) if row["shown_until"] else None,
        repaired=_REPAIRED[row["repaired"]],
    )
