"""Applies checks of values to the fields that hold them."""

from google.protobuf.message import Message

from tongban.core.rules.checks import Broken, Check
from tongban.core.rules.paths import entry, under


def unless_empty(check: Check, missing: Broken | None) -> Check:
    """Return a check that answers `missing` for an empty value and looks at any other."""
    return lambda value: check(value) if value else missing


def in_field(name: str, check: Check) -> Check:
    """Return a check of a message that looks at one of its fields."""

    def run(message: Message) -> Broken | None:
        if broken := check(getattr(message, name)):
            return under(name, broken[0]), broken[1]
        return None

    return run


def in_present_field(name: str, check: Check, missing: Broken | None) -> Check:
    """Return the same for a field that can be absent, which is answered by `missing`."""
    looked_at = in_field(name, check)
    absent = (name, missing[1]) if missing else None
    return lambda message: looked_at(message) if message.HasField(name) else absent


def in_list(name: str, whole: Check, each: Check) -> Check:
    """Return a check of a message that looks at a repeated field and at each of its entries."""

    def run(message: Message) -> Broken | None:
        entries = getattr(message, name)
        if broken := whole(entries):
            return name, broken[1]
        for index, value in enumerate(entries):
            if broken := each(value):
                return under(entry(name, index), broken[0]), broken[1]
        return None

    return run


def in_map(name: str, whole: Check, key: Check, each: Check) -> Check:
    """Return a check of a message that looks at a map field and at each of its keys and values."""

    def run(message: Message) -> Broken | None:
        entries = getattr(message, name)
        if broken := whole(entries):
            return name, broken[1]
        for name_of_entry, value in entries.items():
            if broken := key(name_of_entry) or each(value):
                return under(entry(name, name_of_entry), broken[0]), broken[1]
        return None

    return run
