"""TOML as text: the few values that our own files hold."""

import json
import re
from collections.abc import Mapping
from datetime import date, time

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def value(content: object) -> str:
    """Return what a TOML file could hold as TOML. JSON's strings, numbers and truth values are TOML's too."""
    if isinstance(content, Mapping):
        return "{ " + ", ".join(f"{key(name)} = {value(one)}" for name, one in content.items()) + " }"
    if isinstance(content, list | tuple):
        return "[" + ", ".join(value(one) for one in content) + "]"
    if isinstance(content, date | time):
        return content.isoformat()
    return json.dumps(content, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """Return a key, in quotation marks where it needs them."""
    return name if _BARE_KEY.fullmatch(name) else value(name)


def table(name: str, content: Mapping[str, object]) -> str:
    """Return a table with its header."""
    return "\n".join([f"[{name}]", *(f"{key(one)} = {value(content[one])}" for one in content), ""])
