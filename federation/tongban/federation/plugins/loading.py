"""Finds and loads the plugins that the operator enabled; one that is broken stops neither the node nor the others."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.core import hooks, rules
from tongban.core.arity import published
from tongban.core.errors import Refusal
from tongban.core.identifiers import division_covers, division_of
from tongban.core.plugin import PluginSettings
from tongban.core.registry import Brought, PluginConflict, Registry, ask_plugin
from tongban.core.services import Service
from tongban.federation.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One plugin, as `tongban plugin list` shows it."""

    name: str
    distribution: str = ""
    brought: Brought | None = None
    problem: str = ""


def load(settings: Settings, home: Path) -> tuple[Registry, list[Loaded]]:
    """Load the enabled plugins, in the order of their names.

    Raises:
        PluginConflict: two of them claim the same thing; the node must not choose for its operator.
    """
    registry = Registry()
    found = {point.name: point for point in entry_points(group=hooks.GROUP)}
    plugins = [_load(name, found, settings, home) for name in sorted(set(settings.plugins.enabled))]
    for plugin in plugins:
        if plugin.brought is not None:
            registry.add(plugin.brought)
    return registry, plugins


def _load(name: str, found: dict[str, EntryPoint], settings: Settings, home: Path) -> Loaded:
    if name not in found:
        problem = f"no installed distribution has a plugin {name}; installed are: {', '.join(sorted(found)) or 'none'}"
        return Loaded(name, problem=problem)
    point = found[name]
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    try:
        brought = ask_plugin(name, point.load(), PluginSettings(home, settings.plugins.table(name)))
        division = division_of(settings.member)
        _check_items(division, [item.published(division) for item in brought.items])
        _check_services(brought.services)
    except PluginConflict:
        raise
    except BaseException as error:
        log.exception("plugin %s is not loaded", name)
        return Loaded(name, distribution, problem=f"{type(error).__name__}: {error}")
    return Loaded(name, distribution, brought)


def _check_services(services: Iterable[Service]) -> None:
    for service in services:
        try:
            rules.validate(published(service.descriptor))
        except Refusal as refusal:
            raise ValueError(f"service {service.name}: {refusal.message}") from None


def _check_items(division: str, items: Iterable[Item]) -> None:
    for item in items:
        try:
            rules.validate(item)
        except Refusal as refusal:
            raise ValueError(f"item {item.code}: {refusal.message}") from None
        for place in item.places:
            if not division_covers(division, place):
                rule = f"must be {division} or below it, for a member decides for its own division only"
                raise ValueError(f"item {item.code}: the place {place} {rule}; correct the item's places")
