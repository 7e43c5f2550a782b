"""The hooks by which a plugin says what it brings. They are called once, when a node starts, never on a request's way.

A plugin is a module or object in the entry-point group ``tongban.plugins``; it marks its functions with `hookimpl`. A
hook function may leave out parameters that it does not need. A function with the name of no hook is refused at start.
"""

import sys
from collections.abc import Sequence

import pluggy

from tongban.core.items import Item
from tongban.core.plugin import PluginSettings
from tongban.core.services import Service
from tongban.core.sources import CreditSource, IdentitySource

GROUP = "tongban.plugins"

hookspec = pluggy.HookspecMarker("tongban")
hookimpl = pluggy.HookimplMarker("tongban")


@hookspec
def tongban_items(settings: PluginSettings) -> Sequence[Item]:  # type: ignore[empty-body]
    """Return the items that the plugin handles.

    :param settings: what the operator wrote for this plugin.
    """


@hookspec
def tongban_identity_source(settings: PluginSettings) -> IdentitySource | None:
    """Return the identity source that the plugin brings; a node has at most one.

    :param settings: what the operator wrote for this plugin.
    """


@hookspec
def tongban_credit_source(settings: PluginSettings) -> CreditSource | None:
    """Return the credit source that the plugin brings; a node has at most one.

    :param settings: what the operator wrote for this plugin.
    """


@hookspec
def tongban_services(settings: PluginSettings) -> Sequence[Service]:  # type: ignore[empty-body]
    """Return the services of its own .proto that the plugin answers.

    :param settings: what the operator wrote for this plugin.
    """


def new_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows these hooks and no plugin."""
    manager = pluggy.PluginManager("tongban")
    manager.add_hookspecs(sys.modules[__name__])
    return manager
