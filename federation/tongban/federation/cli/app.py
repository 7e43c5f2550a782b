"""Wires the commands; each group lives in a module of its own and imports late what it needs."""

import sys
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer import Option

from tongban.federation.cli import (
    agreements,
    bench,
    cases,
    catalogue,
    demo,
    directory,
    errors,
    evidence,
    lookups,
    members,
    nodes,
    plugins,
    practice,
    windows,
)
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import Format


class _Tongban(typer.Typer):
    """An app that also tells a wrong command line as JSON, when JSON is asked for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not _asks_for_json(sys.argv):
            return super().__call__(*args, **kwargs)
        try:
            sys.exit(super().__call__(*args, standalone_mode=False, **kwargs))
        except typer.TyperException as error:
            errors.usage(error.format_message(), Format.JSON)
            sys.exit(ExitCode.USAGE)


def _asks_for_json(arguments: list[str]) -> bool:
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


app = _Tongban(
    help="Cities of a cluster handle matters for each other's residents 跨省通办.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(nodes.root)
app.add_typer(nodes.node, name="node")
app.add_typer(windows.app, name="window")
app.add_typer(members.app, name="member")
app.add_typer(directory.app, name="directory")
app.add_typer(agreements.app, name="agreement")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(cases.app, name="case")
app.add_typer(lookups.identity, name="identity")
app.add_typer(lookups.credit, name="credit")
app.add_typer(plugins.app, name="plugin")
app.add_typer(evidence.app, name="evidence")
app.add_typer(practice.root)
app.add_typer(demo.root)
app.add_typer(bench.app, name="bench")


def _show_version(wanted: bool) -> None:
    if wanted:
        from tongban.core import __version__

        typer.echo(f"tongban {__version__}")
        raise typer.Exit


@app.callback()
def tongban(
    version: Annotated[
        bool, Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Cities of a cluster handle matters for each other's residents 跨省通办."""
