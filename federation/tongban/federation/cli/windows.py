"""``tongban window``: who may call the windows door."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

app = typer.Typer(help="Register windows, list them, and take their tokens back.", no_args_is_help=True)


class Role(Enum):
    """What a window may do."""

    INTAKE = "intake"
    LOOKUP = "lookup"
    OFFICER = "officer"


@command(app, "add")
def add(
    window_id: Annotated[str, Argument(metavar="ID", help="Id of the window, as in hall-1.")],
    name: Annotated[str, Option(help="Name for people.", show_default="the id")] = "",
    role: Annotated[
        list[Role] | None, Option(help="What it may do. Repeat it for each.", show_default="intake, lookup")
    ] = None,
    out: Annotated[Path | None, Option(help="File for the window: node, token and certificate.")] = None,
    node: Annotated[
        str, Option(metavar="HOST:PORT", help="Address that the file names.", show_default="the one in node.toml")
    ] = "",
    home: Home = HERE,
) -> dict[str, Any]:
    """Register a window. Its token is shown this once, or written to a file for it."""
    from tongban.api.admin.v1.admin_pb2 import WindowRole
    from tongban.federation import settings
    from tongban.federation.cli import window_file

    if out:
        window_file.check_new(out)
    roles = [WindowRole.Value(f"WINDOW_ROLE_{one.value.upper()}") for one in role or [Role.INTAKE, Role.LOOKUP]]
    with admin_door(home) as client:
        token = client.add_window(window_id, name or window_id, roles)
        address = node or client.status().windows_endpoint
    if out is None:
        return {"window": window_id, "node": address, "token": token}
    window_file.write(out, address, token, (home / settings.load(home).keys.certificate).read_bytes())
    return {"window": window_id, "node": address, "file": str(out), "certificate": str(window_file.certificate_of(out))}


@command(app, "revoke")
def revoke(
    window_id: Annotated[str, Argument(metavar="ID", help="Id of the window, as in hall-1.")],
    home: Home = HERE,
) -> dict[str, Any]:
    """Take a window's token back, as when it is lost. Its calls are refused from then on; its id is given to no other.

    What is under way, as a watched case, goes on to its end, at the latest when the node stops.
    """
    from tongban.federation.cli import words

    with admin_door(home) as client:
        return {"window": window_id, "revoked": words.local(client.revoke_window(window_id))}


@command(app, "list")
def list_windows(home: Home = HERE) -> list[dict[str, Any]]:
    """List the windows that are registered."""
    from tongban.api.admin.v1.admin_pb2 import WindowRole
    from tongban.federation.cli import words

    with admin_door(home) as client:
        return [
            {
                "window": one.window_id,
                "name": one.name,
                "roles": ", ".join(words.named(WindowRole, role) for role in one.roles),
                "since": words.when(one.created_at),
            }
            for one in client.windows()
        ]
