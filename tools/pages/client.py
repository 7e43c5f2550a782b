"""The page of the window's library: methods and options, from the code and its docstrings."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

from pages.markdown import prose, table
from tongban.core.client import Client, Context, LookupOptions, Options, SubmitOptions, Verified

_WIDTH = 100
_TAKEN_BY: list[tuple[type, str]] = [
    (Options, "every method"),
    (LookupOptions, "look-ups: `verify_person`, `verify_organisation`, `query_credit`"),
    (SubmitOptions, "`submit`"),
]

_AS_IN_CONTEXT = ("", "As in `Context`.")


def text() -> str:
    """Return the sections of methods, of options, and of what a verification gives."""
    methods = "\n\n".join(_method(name, method) for name, method in _methods())
    return f"## Methods\n\n{methods}\n\n## Options\n\n{_options()}\n\n## Verified\n\n{_verified()}"


def _methods() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(Client).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield name, member


def _method(name: str, method: Callable[..., Any]) -> str:
    summary, _, raises = (inspect.getdoc(method) or "").partition("\n\nRaises:\n")
    raised = f"\n\nRaises {prose(raises)}" if raises else ""
    return f"### {name}\n\n```text\n{_signature(method)}\n```\n\n{summary}{raised}"


def _signature(method: Callable[..., Any]) -> str:
    """Return the head of a method as its source has it, with one argument a line if it is long."""
    source = _parsed(method)
    head = f") -> {ast.unparse(source.returns) if source.returns else 'None'}"
    arguments = list(_arguments(source.args))
    short = f"{source.name}({', '.join(arguments)}{head}"
    long = "\n".join([f"{source.name}(", *(f"    {one}," for one in arguments), head])
    return short if len(short) <= _WIDTH else long


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    positional = arguments.args[1:]
    no_default: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    yield from map(_argument, positional, [*no_default, *arguments.defaults])
    if arguments.kwonlyargs:
        yield "*"
    yield from map(_argument, arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg, None)}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = ast.unparse(argument.annotation).strip("'") if argument.annotation else "Any"
    plain = re.sub(r"Unpack\[(\w+)\]", r"\1", kind)
    return f"{argument.arg}: {plain}" + (f" = {ast.unparse(default)}".replace("'", '"') if default else "")


def _options() -> str:
    general = dict(_fields(Context))
    rows = [
        [f"`{name}`", by, prose(general[name] if told in _AS_IN_CONTEXT else told)]
        for kind, by in _TAKEN_BY
        for name, told in _fields(kind)
    ]
    return table(["Option", "Taken by", "Meaning"], rows)


def _verified() -> str:
    return table(["Field", "Meaning"], ([f"`{name}`", prose(told)] for name, told in _fields(Verified)))


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the fields that a class declares itself, each with the docstring below it."""
    body = _parsed(kind).body
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            documented = isinstance(below, ast.Expr)
            yield ast.unparse(field.target), str(ast.literal_eval(below.value)) if documented else ""


def _parsed(thing: Any) -> Any:
    """Return the definition of a class or function."""
    [definition] = ast.parse(dedent(inspect.getsource(thing))).body
    return definition
