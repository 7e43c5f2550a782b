"""Options that many commands share."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from typer import Option


class Format(Enum):
    """How answers are written."""

    TABLE = "table"
    JSON = "json"


class Language(Enum):
    """Language of the sentences of errors."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How a command says what it has to say; every command has these."""

    format: Annotated[Format, Option("--format", help="Tables for people, or JSON and nothing else.")] = Format.TABLE
    language: Annotated[
        Language, Option("--language", envvar="TONGBAN_LANGUAGE", help="Language of the sentences of errors.")
    ] = Language.EN
    debug: Annotated[bool, Option("--debug", help="Show the traceback of an unexpected error.")] = False


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """By which window's credential a command calls the windows door, and who the officer is."""

    window: Annotated[
        Path | None,
        Option(
            "--window",
            envvar="TONGBAN_WINDOW",
            help="File that `tongban window add --out` wrote: it says node, token and certificate.",
        ),
    ] = None
    node: Annotated[
        str, Option("--node", envvar="TONGBAN_NODE", metavar="HOST:PORT", help="Windows door of the node.")
    ] = ""
    token: Annotated[str, Option("--token", envvar="TONGBAN_TOKEN", help="Token of the window.")] = ""
    token_file: Annotated[
        Path | None, Option("--token-file", envvar="TONGBAN_TOKEN_FILE", help="File that holds the token.")
    ] = None
    ca: Annotated[
        Path | None, Option("--ca", envvar="TONGBAN_CA", help="The node's certificate, or its authority's, PEM.")
    ] = None
    officer: Annotated[
        str, Option("--officer", envvar="TONGBAN_OFFICER", help="Account of the officer who acts 经办人员.")
    ] = ""


@dataclass(frozen=True, slots=True)
class LookupOptions:
    """Whom a look-up asks, and why."""

    to: Annotated[str, Option("--to", help="Member that is asked; left out, the window's own.")] = ""
    purpose: Annotated[str, Option("--purpose", help="Purpose, in the words of the agreement's row.")] = ""
    legal_basis: Annotated[str, Option("--legal-basis", help="Statute or rule that the look-up rests on.")] = ""
    consent_id: Annotated[str, Option("--consent", help="Reference of the subject's consent 授权.")] = ""
    case_id: Annotated[str, Option("--case", help="Case 办件 that needs it.")] = ""


Home = Annotated[
    Path, Option("--home", envvar="TONGBAN_HOME", help="Folder of the node.", show_default="the current folder")
]
HERE = Path()
