"""``tongban practice``: a whole federation on one machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument

from tongban.federation.cli.command import command

root = typer.Typer()


@command(root, "practice")
def practice(
    plan: Annotated[Path, Argument(metavar="PLAN", help="TOML file with the plan.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="New folder for the federation.")],
) -> dict[str, Any]:
    """Lay out a federation to practise. Keys, settings, directory, agreements; nothing is started."""
    from tongban.core.times import wall_clock
    from tongban.federation import formation

    return asdict(formation.practice(formation.read_plan(plan), folder, plan.parent, wall_clock()))
