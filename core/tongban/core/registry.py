"""What the plugins of a node bring, in one table. Requests are dispatched by it, not by hook calls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction

import pluggy

from tongban.core import hooks
from tongban.core.items import Item
from tongban.core.plugin import PluginSettings
from tongban.core.services import Service
from tongban.core.sources import CreditSource, IdentitySource

_OWN = ("tongban.api.", "grpc.")
"""What services of Tongban itself begin with; the second are gRPC's health and reflection."""


class PluginConflict(Exception):
    """Two plugins claim the same thing, or one claims what is Tongban's own."""


@dataclass(slots=True)
class Brought:
    """What one plugin brings."""

    plugin: str
    items: Sequence[Item] = ()
    identity: IdentitySource | None = None
    credit: CreditSource | None = None
    services: Sequence[Service] = ()


@dataclass(slots=True)
class Registry:
    """What all plugins bring, without conflict."""

    items: dict[str, Item] = field(default_factory=dict)
    identity: IdentitySource | None = None
    credit: CreditSource | None = None
    services: dict[str, Service] = field(default_factory=dict)
    """By full name."""
    _owners: dict[str, str] = field(default_factory=dict)

    def add(self, brought: Brought) -> None:
        """Take in what a plugin brings, all or nothing.

        Raises:
            PluginConflict: another plugin has claimed the same item, source or service.
        """
        for claim in _claims(brought):
            self._check(claim, brought.plugin)
        for claim in _claims(brought):
            self._owners[claim] = brought.plugin
        self.items |= {item.code: item for item in brought.items}
        self.services |= {service.name: service for service in brought.services}
        self.identity = self.identity if brought.identity is None else brought.identity
        self.credit = self.credit if brought.credit is None else brought.credit

    def _check(self, claim: str, plugin: str) -> None:
        if claim in self._owners:
            raise PluginConflict(
                f"{claim} is claimed by the plugins {self._owners[claim]} and {plugin}; enable one of them in node.toml"
            )
        if claim.removeprefix("service ").startswith(_OWN):
            raise PluginConflict(f"{claim} is claimed by the plugin {plugin} and is Tongban's own; disable the plugin")


def _claims(brought: Brought) -> list[str]:
    claims = [f"item {item.code}" for item in brought.items]
    claims += [f"service {service.name}" for service in brought.services]
    claims += [] if brought.identity is None else ["the identity source"]
    claims += [] if brought.credit is None else ["the credit source"]
    return claims


def ask_plugin(name: str, plugin: object, settings: PluginSettings) -> Brought:
    """Call a plugin's hooks and return what it brings.

    Raises:
        pluggy.PluginValidationError: it implements a hook, or takes a parameter, that does not exist; a hook function
            is ``async``; it brings an item or a service twice, or nothing at all.
        Exception: whatever the plugin raises.
    """
    manager = hooks.new_manager()
    manager.register(plugin, name)
    manager.check_pending()
    _refuse_async(manager, plugin)
    items = [item for part in manager.hook.tongban_items(settings=settings) for item in part]
    services = [service for part in manager.hook.tongban_services(settings=settings) for service in part]
    identity = manager.hook.tongban_identity_source(settings=settings)
    credit = manager.hook.tongban_credit_source(settings=settings)
    brought = Brought(name, items, identity[0] if identity else None, credit[0] if credit else None, services)
    _refuse_nothing_and_twice(brought, plugin)
    return brought


def _refuse_async(manager: pluggy.PluginManager, plugin: object) -> None:
    for caller in manager.get_hookcallers(plugin) or ():
        if any(iscoroutinefunction(one.function) for one in caller.get_hookimpls()):
            rule = f"{caller.name} must be a plain function; handlers and sources may be async"
            raise pluggy.PluginValidationError(plugin, rule)


def _refuse_nothing_and_twice(brought: Brought, plugin: object) -> None:
    claims = _claims(brought)
    if not claims:
        rule = "it brings nothing; mark its hook functions with hookimpl, and have them return what they bring"
        raise pluggy.PluginValidationError(plugin, rule)
    for claim in claims:
        if claims.count(claim) > 1:
            raise pluggy.PluginValidationError(plugin, f"it brings {claim} twice")
