"""What plugins bring comes into one table; what is misspelt, doubled or forgotten is refused by name."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from inspect import isawaitable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pluggy import PluginValidationError

from tongban.core import (
    CreditRecord,
    DecidingFact,
    Item,
    ItemType,
    Party,
    PluginSettings,
    RecordKind,
    SettingError,
    Verdict,
    hookimpl,
)
from tongban.core.registry import Brought, PluginConflict, Registry, ask_plugin
from tongban.core.sources import CreditSource, IdentitySource

SETTINGS = PluginSettings(Path("/nowhere"), {"code": "A-1"})
RECORD = CreditRecord(RecordKind.HONOUR, "守信企业", "示例市发展改革委", date(2026, 1, 5))
PARTY = Party("王示例", "0")


def item(code: str) -> Item:
    return Item(code, "开具证明", ItemType.PUBLIC_SERVICE, DecidingFact.HOUSEHOLD, "证明")


def match(party: Party) -> Verdict:
    return Verdict.MATCH


async def match_later(party: Party) -> Verdict:
    await asyncio.sleep(0)
    return Verdict.MATCH


def records(credit_code: str) -> Sequence[CreditRecord]:
    return [RECORD]


async def records_later(credit_code: str) -> Sequence[CreditRecord]:
    await asyncio.sleep(0)
    return [RECORD]


def plugin(**functions: Callable[..., Any]) -> SimpleNamespace:
    """Return a plugin of these functions, each marked."""
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def asked(one: object, settings: PluginSettings = SETTINGS) -> Brought:
    return ask_plugin("little", one, settings)


def test_a_plugin_brings_what_its_hooks_return() -> None:
    brought = asked(
        plugin(
            tongban_items=lambda settings: [item("A-1"), item("A-2")],
            tongban_identity_source=lambda settings: match,
            tongban_credit_source=lambda settings: records,
        )
    )
    assert brought.plugin == "little"
    assert [one.code for one in brought.items] == ["A-1", "A-2"]
    assert (brought.identity, brought.credit) == (match, records)


def test_a_hook_function_gets_what_the_operator_wrote() -> None:
    brought = asked(plugin(tongban_items=lambda settings: [item(settings.text("code"))]))
    assert [one.code for one in brought.items] == ["A-1"]


def test_a_hook_function_may_leave_its_parameters_out() -> None:
    brought = asked(
        plugin(
            tongban_items=lambda: [item("A-1")],
            tongban_identity_source=lambda: match,
            tongban_credit_source=lambda: records,
        )
    )
    assert (len(brought.items), brought.identity, brought.credit) == (1, match, records)


def test_a_source_that_is_not_there_today_is_none() -> None:
    brought = asked(plugin(tongban_items=lambda: [item("A-1")], tongban_credit_source=lambda: None))
    assert (brought.identity, brought.credit) == (None, None)


def test_a_plugin_may_be_a_module_or_an_object() -> None:
    module = ModuleType("little")
    module.tongban_items = hookimpl(lambda settings: [item("A-1")])  # type: ignore[attr-defined]

    class Office:
        @hookimpl
        def tongban_items(self, settings: PluginSettings) -> Sequence[Item]:
            return [item("A-2")]

    assert [one.code for one in asked(module).items] == ["A-1"]
    assert [one.code for one in asked(Office()).items] == ["A-2"]


@pytest.mark.parametrize("source", [match, match_later])
async def test_an_identity_source_is_plain_or_async(source: IdentitySource) -> None:
    brought = asked(plugin(tongban_identity_source=lambda: source))
    assert brought.identity is not None
    assert await _settled(brought.identity(PARTY)) is Verdict.MATCH


@pytest.mark.parametrize("source", [records, records_later])
async def test_a_credit_source_is_plain_or_async(source: CreditSource) -> None:
    brought = asked(plugin(tongban_credit_source=lambda: source))
    assert brought.credit is not None
    assert await _settled(brought.credit("0")) == [RECORD]


async def _settled(answer: object) -> object:
    return await answer if isawaitable(answer) else answer


@pytest.mark.parametrize("name", ["tongban_item", "tongban_itmes", "tongban_Items", "items"])
def test_a_misspelt_hook_is_refused_by_name(name: str) -> None:
    with pytest.raises(PluginValidationError, match=f"unknown hook {name!r}"):
        asked(plugin(tongban_items=lambda: [item("A-1")], **{name: lambda: ()}))


def test_a_misspelt_parameter_is_refused_by_name() -> None:
    with pytest.raises(PluginValidationError, match="setings"):
        asked(plugin(tongban_items=lambda setings: [item("A-1")]))


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(SimpleNamespace(tongban_items=lambda settings: [item("A-1")]), id="the mark is forgotten"),
        pytest.param(plugin(tongban_items=lambda: None), id="the return is forgotten"),
        pytest.param(plugin(tongban_items=lambda: ()), id="no items"),
        pytest.param(plugin(tongban_identity_source=lambda: None), id="no source"),
        pytest.param(SimpleNamespace(), id="no function"),
    ],
)
def test_a_plugin_that_brings_nothing_is_refused_and_told_why(one: object) -> None:
    with pytest.raises(PluginValidationError, match="mark its hook functions with hookimpl, and have them return"):
        asked(one)


@pytest.mark.parametrize("hook", ["tongban_items", "tongban_identity_source", "tongban_credit_source"])
def test_a_hook_function_that_is_async_is_refused_before_it_is_called(hook: str) -> None:
    async def bring(settings: PluginSettings) -> Any:
        raise AssertionError

    with pytest.raises(PluginValidationError, match=f"{hook} must be a plain function"):
        asked(plugin(**{hook: bring}))


def test_a_plugin_that_brings_an_item_twice_is_refused() -> None:
    with pytest.raises(PluginValidationError, match="it brings item A-1 twice"):
        asked(plugin(tongban_items=lambda: [item("A-1"), item("A-2"), item("A-1")]))


def test_what_a_plugin_raises_passes_through() -> None:
    with pytest.raises(SettingError, match="setting register"):
        asked(plugin(tongban_items=lambda settings: [item(settings.text("register"))]))


def test_the_table_has_what_all_plugins_bring() -> None:
    registry = Registry()
    for brought in (
        Brought("alpha", [item("A-1"), item("A-2")]),
        Brought("beta", identity=match),
        Brought("gamma", [item("C-1")], credit=records),
    ):
        registry.add(brought)
    assert list(registry.items) == ["A-1", "A-2", "C-1"]
    assert {code: one.code for code, one in registry.items.items()} == {code: code for code in registry.items}
    assert (registry.identity, registry.credit) == (match, records)


CLAIMS = [
    ("item A-1", Brought("alpha", [item("A-1")]), Brought("beta", [item("B-1"), item("A-1")], match, records)),
    ("the identity source", Brought("alpha", identity=match), Brought("beta", [item("B-1")], match_later)),
    ("the credit source", Brought("alpha", credit=records), Brought("beta", [item("B-1")], credit=records_later)),
]


@pytest.mark.parametrize(("claim", "first", "second"), CLAIMS, ids=[claim for claim, *_ in CLAIMS])
def test_a_conflict_names_what_is_claimed_and_both_plugins(claim: str, first: Brought, second: Brought) -> None:
    registry, before = Registry(), Registry()
    registry.add(first)
    before.add(first)
    with pytest.raises(PluginConflict) as caught:
        registry.add(second)
    assert str(caught.value) == f"{claim} is claimed by the plugins alpha and beta; enable one of them in node.toml"
    assert registry == before


@dataclass
class Register:
    """A source with a length, as a register of rows has one."""

    rows: Sequence[CreditRecord] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __call__(self, credit_code: str) -> Sequence[CreditRecord] | Awaitable[Sequence[CreditRecord]]:
        return self.rows


def test_an_empty_register_is_a_source_all_the_same() -> None:
    empty, registry = Register(), Registry()
    registry.add(asked(plugin(tongban_credit_source=lambda: empty)))
    registry.add(Brought("other", [item("A-1")]))
    assert registry.credit is empty
    with pytest.raises(PluginConflict, match="the credit source is claimed by the plugins little and third"):
        registry.add(Brought("third", credit=Register()))
