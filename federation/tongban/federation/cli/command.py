"""Makes a command of a function: shared options come in as one value, its answer is shown, its errors are told."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, TypeVar

from typer import Exit, Typer

from tongban.federation.cli.errors import told
from tongban.federation.cli.options import OutputOptions
from tongban.federation.cli.output import Answer, Ended, show

F = TypeVar("F", bound=Callable[..., Answer | Ended])


def command(app: Typer, name: str) -> Callable[[F], F]:
    """Add a function to a group of commands.

    A parameter whose type is a dataclass of options stands for all of them. Every command has `OutputOptions` beside
    its own.
    """

    def add(function: F) -> F:
        app.command(name)(_run(function))
        return function

    return add


def group_command(app: Typer) -> Callable[[F], F]:
    """Make a function what a group of commands does when none of them is named, in the same way."""

    def add(function: F) -> F:
        app.callback(invoke_without_command=True)(_run(function))
        return function

    return add


def _run(function: F) -> Callable[..., None]:
    own = inspect.signature(function, eval_str=True)
    groups = {one.name: one.annotation for one in own.parameters.values() if is_dataclass(one.annotation)}

    @wraps(function)
    def run(**values: Any) -> None:
        output = _taken(OutputOptions, values)
        shared = {name: _taken(kind, values) for name, kind in groups.items()}
        with told(output):
            answer = function(**shared, **values)
            if isinstance(answer, Ended):
                show(answer.answer, output.format)
                raise Exit(answer.exit_code)
            show(answer, output.format)

    run.__signature__ = _signature(own)  # type: ignore[attr-defined]  # what typer reads
    return run


def _taken(kind: Any, values: dict[str, Any]) -> Any:
    """Take the options of one kind out of a command's values."""
    return kind(**{one.name: values.pop(one.name) for one in fields(kind)})


def _signature(own: Signature) -> Signature:
    parameters = [
        parameter
        for one in own.parameters.values()
        for parameter in (_options(one.annotation) if is_dataclass(one.annotation) else [one])
    ]
    keyword_only = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in [*parameters, *_options(OutputOptions)]]
    return Signature(keyword_only)


def _options(kind: Any) -> list[Parameter]:
    return [
        Parameter(
            one.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if one.default is MISSING else one.default,
            annotation=one.type,
        )
        for one in fields(kind)
    ]
