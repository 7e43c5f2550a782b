"""``tongban demo``: the demonstration."""

from typing import Annotated

import typer
from typer import Option

from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import Language

root = typer.Typer()


@root.command("demo")
def demo(
    keep: Annotated[bool, Option("--keep", help="Leave the nodes running, and say what to try.")] = False,
    language: Annotated[Language, Option("--language", envvar="TONGBAN_LANGUAGE", help="Language.")] = Language.EN,
) -> None:
    """Show it: three nodes on this machine, and a cross-province matter from end to end. Data are synthetic."""
    from tongban.federation.demo.main import ExampleMissing, run

    try:
        held = run(language.value, keep)
    except ExampleMissing as error:
        typer.echo(error, err=True)
        raise typer.Exit(ExitCode.SETTINGS_WRONG) from None
    raise typer.Exit(ExitCode.OK if held else ExitCode.DEMO_FAILED)
