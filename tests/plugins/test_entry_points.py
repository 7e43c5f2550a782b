"""Built-in plugins come in by the same door as everybody's."""

from importlib.metadata import distribution

import pytest

from tongban.core.hooks import GROUP, new_manager

BUILT_IN = {entry.name: entry for entry in distribution("tongban").entry_points.select(group=GROUP)}


def test_the_built_in_plugins() -> None:
    assert set(BUILT_IN) == {"credit", "desk", "identity"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_resolves_to_a_plugin_with_hooks(name: str) -> None:
    manager = new_manager()
    manager.register(BUILT_IN[name].load(), name)
    manager.check_pending()
    (plugin,) = manager.get_plugins()
    assert manager.get_hookcallers(plugin)
