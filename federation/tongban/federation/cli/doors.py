"""Clients for the two doors that commands use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tongban.federation.cli.options import WindowOptions

if TYPE_CHECKING:
    from tongban.core.client import AdminClient, Client
    from tongban.core.client.context import Context


@contextmanager
def admin_door(home: Path) -> "Iterator[AdminClient]":
    """Open the admin door of the node in this folder.

    Raises:
        SettingsError: it is no node's folder.
        Refusal: NODE_UNREACHABLE if the node does not run.
    """
    from tongban.core import codes
    from tongban.core.client import AdminClient
    from tongban.core.errors import Refusal
    from tongban.federation import settings

    socket = (home / settings.load(home).admin.socket).absolute()
    if not socket.exists():
        reason = "there is no such socket; start the node with `tongban node run`"
        raise Refusal(codes.NODE_UNREACHABLE, {"endpoint": str(socket), "reason": reason})
    with AdminClient(socket) as client:
        yield client


@contextmanager
def windows_door(options: WindowOptions) -> "Iterator[Client]":
    """Open the windows door with a window's credential; what the options do not say, the window's file does."""
    from tongban.core.client import Client
    from tongban.federation.cli.window_file import credential

    window = credential(options)
    with Client(window.node, token=window.token, ca=window.ca, context=_context(window.officer)) as client:
        yield client


def _context(officer: str) -> "Context":
    from tongban.core.client import Context

    return Context(officer=officer)
