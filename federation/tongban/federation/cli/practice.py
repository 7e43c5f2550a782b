"""``tongban practice``: a whole federation on one machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command

root = typer.Typer()


@command(root, "practice")
def practice(
    plan: Annotated[Path, Argument(metavar="PLAN", help="TOML file with the plan.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="New folder for the federation.")],
    endpoint: Annotated[
        list[str] | None,
        Option(
            metavar="MEMBER=ADDRESS",
            help="Where the directory says that a member's node is reached, as behind a proxy. Repeat it for each.",
        ),
    ] = None,
) -> dict[str, Any]:
    """Lay out a federation to practise. Keys, settings, directory, agreements; nothing is started."""
    from tongban.core.times import wall_clock
    from tongban.federation import formation

    endpoints = dict(_split(one) for one in endpoint or [])
    chosen = formation.with_endpoints(formation.read_plan(plan), endpoints)
    return asdict(formation.practice(chosen, folder, plan.parent, wall_clock()))


def _split(endpoint: str) -> tuple[str, str]:
    member, equals, address = endpoint.partition("=")
    if not equals:
        raise typer.BadParameter(f"{endpoint} must be MEMBER=ADDRESS, as in 320681=127.0.0.1:7500")
    return member, address
