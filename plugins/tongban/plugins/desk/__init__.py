"""Built-in plugin ``desk`` 窗口办理: items described in a file, handled by officers.

Setting:

``items``
    TOML file with a table ``[[item]]`` for each item; its keys are the fields of `tongban.core.Item`, with ``form``
    and ``materials`` as arrays of tables. ``examples/company-registration.toml`` beside this module shows one.

A case that lacks required materials is answered with one correction 补正 that names all of them (行政许可法 §32(4));
what comes after that is an officer's.
"""

from collections.abc import Sequence
from functools import partial

from tongban.core import Answer, Case, Correct, Item, LeaveToOfficer, PluginSettings, hookimpl
from tongban.plugins.desk.description import read_items


@hookimpl
def tongban_items(settings: PluginSettings) -> Sequence[Item]:
    """Return the items of the file.

    Raises:
        SettingError: the file is not set, cannot be read, or breaks rules; all of them are told.
    """
    items = read_items(settings.path("items"))
    for item in items:
        item.handler(partial(_ask_for_missing, item))
    return items


def _ask_for_missing(item: Item, case: Case) -> Answer:
    there = {material.code for material in case.materials}
    missing = {one.code: f"请补交{one.name}" for one in item.materials if one.required and one.code not in there}
    return Correct(missing) if missing and not case.correction_asked else LeaveToOfficer()
