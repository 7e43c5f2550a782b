"""Plugins that break a rule are not loaded, and told by item, value and rule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tongban.federation import settings
from tongban.federation.formation import NewNode, init_node
from tongban.federation.plugins import loading

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
ITEMS = """
[[item]]
code = "X-1"
name = "示例事项"
type = "OTHER"
deciding_fact = "HOUSEHOLD"
result_title = "示例证明"
places = {places}
"""


def load(home: Path, places: str) -> loading.Loaded:
    """Load the desk of a member 330100.gjj with an item for these places."""
    desk = {"desk": {"items": "items.toml"}}
    init_node(home, NewNode("330100.gjj", "杭州", "127.0.0.1:7400", "127.0.0.1:7401", plugins=desk), NOW)
    (home / "items.toml").write_text(ITEMS.format(places=places), encoding="utf-8")
    _, (loaded,) = loading.load(settings.load(home), home)
    return loaded


@pytest.mark.parametrize("place", ["320681", "330000", "000000"])
def test_an_item_for_another_division_is_not_loaded(tmp_path: Path, place: str) -> None:
    loaded = load(tmp_path / "n", f'["330106", "{place}"]')
    rule = "must be 330100 or below it, for a member decides for its own division only"
    assert loaded.problem == f"ValueError: item X-1: the place {place} {rule}; correct the item's places"
    assert loaded.brought is None


@pytest.mark.parametrize("places", ["[]", '["330100"]', '["330106", "330110"]'])
def test_an_item_for_the_members_own_division_is_loaded(tmp_path: Path, places: str) -> None:
    assert load(tmp_path / "n", places).problem == ""
