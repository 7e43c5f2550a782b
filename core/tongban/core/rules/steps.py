"""Applies checks of values to the fields that hold them."""

from collections.abc import Sequence

from google.protobuf.message import Message

from tongban.core.rules.checks import Broken, Check
from tongban.core.rules.paths import entry, under

Single = tuple[str, bool, bool, str | None, int | None, str, Sequence[Check]]
"""How one field that is not repeated is looked at: its name; whether it can be absent; whether an empty value is looked
at no further; the rule that it must be there; its greatest length, and that rule in words; checks of its value."""


def in_message(singles: Sequence[Single], others: Sequence[Check]) -> Check:  # noqa: C901 - see below
    """Return a check of a message that looks at its single fields, then runs the other checks.

    It is one loop, with the length looked at in place, since every message from outside passes here: a function for
    each field and rule takes twice the time.
    """

    def run(message: Message) -> Broken | None:  # noqa: C901
        for name, optional, skips_empty, required, longest, too_long, checks in singles:
            value = getattr(message, name)
            if (skips_empty and not value) or (optional and not message.HasField(name)):
                if required is not None:
                    return name, required
                continue
            if longest is not None and len(value) > longest:
                return name, too_long
            for check in checks:
                if broken := check(value):
                    return under(name, broken[0]), broken[1]
        for check in others:
            if broken := check(message):
                return broken
        return None

    return run


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
