"""``tongban plugin``: what the node's plugins bring."""

from typing import Any

import typer

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

app = typer.Typer(help="Show the plugins of the node.", no_args_is_help=True)


@command(app, "list")
def list_plugins(home: Home = HERE) -> list[dict[str, Any]]:
    """List the plugins of the running node: what each brings, and why one did not load."""
    with admin_door(home) as client:
        return [
            {
                "plugin": one.name,
                "distribution": one.distribution,
                "loaded": one.loaded,
                "items": list(one.items),
                "sources": ", ".join(one.sources),
                "services": list(one.services),
                "problem": one.problem.splitlines(),
            }
            for one in client.plugins()
        ]
