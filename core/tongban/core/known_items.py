"""Names of cross-region items that public texts confirm; no official list."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import tomli


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItem:
    """One item (事项) as public texts name it. Not an item that any member publishes."""

    number: int
    """Place in this list; it means nothing elsewhere."""

    name: str
    also: tuple[str, ...] = ()
    """Other wordings, or the parts, that the texts give with the name."""

    department: str
    """Lead department in its usual short form; several are joined by a stroke."""

    type: str
    """事项类型 of GB/T 39046-2020 A.1 by name, as this project assigns it: ADMINISTRATIVE_LICENCE 行政许可,
    ADMINISTRATIVE_CONFIRMATION 行政确认, ADMINISTRATIVE_PAYMENT 行政给付, PUBLIC_SERVICE 公共服务, OTHER."""

    type_source: str | None = None
    """Wording for the type where no single one of the above fits plainly."""

    mode: str | None = None
    """How it is handled between regions, in the words of the texts; None when they do not say."""

    mode_inferred: bool = False
    """The mode follows from similar items and is not stated."""

    code: str | None = None
    """Code of the 业务办理项 that `code_name` names; None unless confirmed."""

    code_name: str | None = None
    note: str | None = None
    """A condition, limit or origin that the texts state."""


@cache
def known_items() -> tuple[KnownItem, ...]:
    """Read the 66 confirmed names of data/items.toml, in its order."""
    text = files("tongban.core").joinpath("data/items.toml").read_text("utf-8")
    return tuple(_known_item(row) for row in tomli.loads(text)["item"])


def _known_item(row: dict[str, Any]) -> KnownItem:
    return KnownItem(**row | {"also": tuple(row.get("also", ()))})
