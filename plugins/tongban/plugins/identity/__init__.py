"""Built-in plugin ``identity``: the identity source 身份核验 of a member that keeps registers of its own.

Settings, at least one of them:

``population``
    Register of people: CSV with the columns ``name`` and ``resident_id``, or an SQLite file with a table
    ``population`` of these columns.
``entities``
    Register of organisations: CSV with the columns ``name`` and ``credit_code``, or an SQLite file with a table
    ``entities`` of these columns.

A party is compared by number and name. Surrounding white space and full-width or half-width forms make no difference
(`tongban.plugins.registers.plain`), anything else does. Where a number stands in several rows, one of them has to
match. A member without the register that a party belongs in has no verdict on it: the source is unavailable.
"""

from tongban.core import Column, Party, PluginSettings, SettingError, SourceUnavailable, Verdict, hookimpl
from tongban.core.sources import IdentitySource
from tongban.plugins.registers import Register, Table, is_in_memory, open_register, plain

_TABLES = {
    "population": Table("population", Column("resident_id", "resident-id"), [Column("name")]),
    "entities": Table("entities", Column("credit_code", "credit-code"), [Column("name")]),
}


@hookimpl
def tongban_identity_source(settings: PluginSettings) -> IdentitySource:
    """Return the source.

    Raises:
        SettingError: no register is set, or one that is set cannot be read.
    """
    registers = {key: open_register(settings, key, table) for key, table in _TABLES.items() if key in settings.values}
    if not registers:
        raise SettingError("setting population or entities must name a register; write one in [plugins.identity]")
    if not all(is_in_memory(settings, key) for key in registers):
        return lambda party: _verify(registers, party)

    async def on_the_loop(party: Party) -> Verdict:
        return _verify(registers, party)

    return on_the_loop  # To change threads costs more than a look into memory.


def _verify(registers: dict[str, Register], party: Party) -> Verdict:
    key = "entities" if party.is_organisation else "population"
    if key not in registers:
        raise SourceUnavailable(f"no register of {key} is set here")
    names = {plain(row["name"]) for row in registers[key](party.number)}
    if not names:
        return Verdict.NOT_FOUND
    return Verdict.MATCH if plain(party.name) in names else Verdict.MISMATCH
