"""The page of commands, from the command line's own help."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from tongban.federation.cli import app

_WIDTH = 100


def text() -> str:
    """Return a section for each command, with what ``--help`` shows."""
    return "\n\n".join(_section(name, command) for name, command in _commands("tongban", get_command(app)))


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command, or those of a group, each with the words that call it."""
    below = getattr(command, "commands", {})
    if not below or name == "tongban" or command.invoke_without_command:
        yield name, command
    for word, one in below.items():
        yield from _commands(f"{name} {word}", one)


def _section(name: str, command: Any) -> str:
    with command.make_context(
        name, [], resilient_parsing=True, terminal_width=_WIDTH, max_content_width=_WIDTH
    ) as context:
        help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {name}\n\n```text\n{help_text}\n```"
