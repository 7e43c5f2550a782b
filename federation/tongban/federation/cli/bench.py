"""``tongban bench``: measures nodes against bare gRPC, and shows earlier runs."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.bench.rows import Row, with_needed
from tongban.federation.cli.command import command, group_command

app = typer.Typer()


@group_command(app)
def bench(
    context: typer.Context,
    rounds: Annotated[int, Option("--rounds", min=1, help="How often each row is measured; shown are medians.")] = 5,
    seconds: Annotated[float, Option("--seconds", min=0.1, help="Seconds for each row in each round.")] = 2.0,
    in_flight: Annotated[list[int], Option("--in-flight", min=1, help="Calls in flight.")] = [1, 16, 64],  # noqa: B006
    only: Annotated[
        list[Row], Option("--only", help="Measure this row, and what it is compared with.", show_default="all rows")
    ] = list(Row),  # noqa: B006 - typer copies them
    folder: Annotated[
        Path | None,
        Option(
            "--folder",
            help="Folder on the disk that the nodes are to use.",
            show_default="the system's folder for temporary files",
        ),
    ] = None,
    save: Annotated[
        Path | None, Option("--save", help="Add the run to this file, for `tongban bench history`.")
    ] = None,
) -> dict[str, Any] | None:
    """Measure nodes on this machine against bare gRPC: rates, latencies, processor time. Data are synthetic."""
    if context.invoked_subcommand:
        return None
    from tongban.federation.bench import history
    from tongban.federation.bench.main import run
    from tongban.federation.bench.measure import Rounds

    plan = Rounds(with_needed(only), tuple(in_flight), seconds, rounds)
    measured = run(plan, folder, lambda line: typer.echo(line, err=True))
    if save:
        history.keep(save, measured)
    return measured


@command(app, "history")
def show_history(
    file: Annotated[Path, Argument(metavar="FILE", help="File that `tongban bench --save` wrote.")],
) -> list[dict[str, Any]]:
    """Show earlier runs, row by row."""
    from tongban.federation.bench import history

    return history.read(file)
