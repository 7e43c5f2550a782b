"""Every command, exit code and setting has its place in the reference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from tongban.federation.carriers.settings import FolderCarrier, GrpcCarrier, HttpCarrier, RelayCarrier
from tongban.federation.cli import app
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.settings import Settings

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def _lines(page: str) -> list[str]:
    return (REFERENCE / page).read_text(encoding="utf-8").splitlines()


def _commands(words: str, group: Any) -> Iterator[str]:
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from _commands(f"{words} {name}", one)
        else:
            yield f"{words} {name}"


@pytest.mark.parametrize("name", list(_commands("tongban", get_command(app))))
def test_each_command_has_a_section_with_its_help(name: str) -> None:
    lines = _lines("commands.md")
    place = lines.index(f"## {name}")
    assert lines[place + 3].startswith(f"Usage: {name} ")


@pytest.mark.parametrize("code", list(ExitCode))
def test_each_exit_code_has_a_section(code: ExitCode) -> None:
    lines = _lines("exit-codes.md")
    assert lines[lines.index(f"## {int(code)} {code.name}") + 2] == code.help


def _settings(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"## [{name}]"
            yield from _settings(field.annotation)
        elif name == "carriers":
            for kind in (GrpcCarrier, HttpCarrier, FolderCarrier, RelayCarrier):
                yield from _settings(kind)
        else:
            yield f"| `{field.alias or name}` |"


@pytest.mark.parametrize("start", sorted(set(_settings(Settings))))
def test_each_setting_has_a_row(start: str) -> None:
    assert any(line.startswith(start) for line in _lines("settings.md"))
