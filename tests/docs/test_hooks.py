"""Each hook is documented with its exact parameters and an example that works, and is used by a plugin that we ship."""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tongban.core import Approve, Asked, Case, Party, PluginSettings, ServiceError, SourceUnavailable, Verdict, hooks
from tongban.core.registry import ask_plugin

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/pyproject.toml"))
PAGE = (REPOSITORY / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
_, *_PARTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {heading: text for heading, _, text in (part.partition("\n") for part in _PARTS)}
HOOKS = {name: caller.spec.function for name, caller in vars(hooks.new_manager().hook).items()}


def heading_of(name: str) -> str:
    return f"{name}({', '.join(inspect.signature(HOOKS[name]).parameters)})"


def plugins() -> list[ModuleType]:
    """Return the built-in plugins and those of the examples."""
    built_in = [point.load() for point in distribution("tongban").entry_points.select(group=hooks.GROUP)]
    return [*built_in, *map(import_module, _examples())]


def _examples() -> list[str]:
    return [path.name.replace("-", "_") for path in EXAMPLES]


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    """Have the examples found as if they were installed."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in EXAMPLES:
            patch.syspath_prepend(folder)
        yield
        for name in _examples():
            sys.modules.pop(name, None)


def _module(source: str) -> ModuleType:
    module = ModuleType("example")
    exec(compile(source, "example", "exec"), vars(module))
    return module


def hooks_of(plugin: ModuleType) -> set[str]:
    manager = hooks.new_manager()
    manager.register(plugin)
    return {caller.name for caller in manager.get_hookcallers(plugin) or ()}


def test_the_page_has_a_section_for_each_hook_and_no_other() -> None:
    assert sorted(SECTIONS) == sorted(map(heading_of, HOOKS))


def example_of(name: str) -> ModuleType:
    (example,) = re.findall(r"^```python\n(.*?)^```$", SECTIONS[heading_of(name)], re.MULTILINE | re.DOTALL)
    return _module(example)


def brought_by(name: str) -> Any:
    """Return what the example of a hook brings; that it answers is tested, not typed."""
    return ask_plugin("example", example_of(name), PluginSettings(REPOSITORY))


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_has_an_example_of_it_alone(name: str) -> None:
    assert hooks_of(example_of(name)) == {name}
    assert brought_by(name).plugin == "example"


async def test_the_examples_answer() -> None:
    person = Party("沙洲甲", "310151180001080006")
    (item,) = brought_by("tongban_items").items
    case = Case("a case", "a key", item.code, "310151", person, None, form={}, materials=[])
    assert await item.answer(case) == Approve("沙洲甲于2019年6月毕业。")

    verify = brought_by("tongban_identity_source").identity
    others = [Party("沙洲乙", person.number), Party("沙洲甲", "x")]
    assert [verify(party) for party in (person, *others)] == [Verdict.MATCH, Verdict.MISMATCH, Verdict.NOT_FOUND]
    with pytest.raises(SourceUnavailable):
        verify(Party("启东虚构五金有限公司", "91320681FAKE00072F", is_organisation=True))

    records = brought_by("tongban_credit_source").credit
    assert [one.title for one in await records("91320681FAKE00072F")] == ["守信企业"]
    assert await records("x") == []


async def test_the_example_of_a_service_answers() -> None:
    (service,) = brought_by("tongban_services").services
    asked = Asked("310151", "hall-1", purpose="核验")
    assert [one.estate.address async for one in service.servicer.ListEstates(None, asked)] == ["for 核验"]
    with pytest.raises(ServiceError, match="NOT_FOUND: there is no such unit"):
        await service.servicer.GetEstate(None, asked)


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_used_by_a_plugin_that_we_ship(name: str) -> None:
    assert any(name in hooks_of(plugin) for plugin in plugins())


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_what_it_returns_and_what_its_parameters_are(name: str) -> None:
    text = inspect.getdoc(HOOKS[name]) or ""
    assert text.startswith("Return ")
    for parameter in inspect.signature(HOOKS[name]).parameters:
        assert f":param {parameter}:" in text
