"""Paths of fields as refusals name them: ``applicant.person.name``, ``materials[1].digest``, ``form["address"]``."""

from itertools import islice

_SHOWN_OF_A_KEY = 40


def under(parent: str, rest: str) -> str:
    """Path of something inside the field `parent`; `rest` is empty for the field itself."""
    return f"{parent}.{rest}" if rest else parent


def entry(name: str, key: int | str) -> str:
    """Path of an entry of a repeated field, by its index, or of a map field, by its key.

    A key comes from the caller and ends up in logs: 40 of its printable characters are shown, without quotes.
    """
    if not isinstance(key, str):
        return f"{name}[{key}]"
    printable = (character for character in key if character.isprintable() and character not in '"\\')
    return f'{name}["{"".join(islice(printable, _SHOWN_OF_A_KEY))}"]'
