"""The page on the desk explains each key of an item."""

import re
from dataclasses import fields
from pathlib import Path

from tongban.core import Item

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "publish-items-with-the-desk.md"


def test_each_key_of_an_item_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(explained) == sorted(field.name for field in fields(Item) if field.name != "answer")
