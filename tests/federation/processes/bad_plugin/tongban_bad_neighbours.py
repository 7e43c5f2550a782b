"""Plugins that cannot be loaded, or not beside another one."""

import sys
from types import SimpleNamespace

from tongban.core import DecidingFact, Item, ItemType, hookimpl


@hookimpl(specname="tongban_items")
def _claims_an_item_of_another_plugin() -> list[Item]:
    return [Item("APPROVE", "试验事项", ItemType.OTHER, DecidingFact.HOUSEHOLD, "试验结果")]


@hookimpl(specname="tongban_items")
def _ends_the_process() -> list[Item]:
    sys.exit(1)


@hookimpl
def _tongban_itmes() -> list[Item]:
    return []


twin = SimpleNamespace(tongban_items=_claims_an_item_of_another_plugin)
exiting = SimpleNamespace(tongban_items=_ends_the_process)
misspelt = SimpleNamespace(tongban_itmes=_tongban_itmes)
