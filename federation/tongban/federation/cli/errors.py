"""The one border at which errors become sentences and exit codes. Nobody sees a traceback who did not ask for it."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import Format, Language, OutputOptions
from tongban.federation.cli.output import to_json

if TYPE_CHECKING:
    from tongban.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is told."""

    code: str
    message: str
    remedy: str = ""
    field: str = ""
    member: str = ""
    reference: str = ""


@contextmanager
def told(output: OutputOptions) -> Iterator[None]:
    """Tell whatever goes wrong inside, and end the command with the exit code for it."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
        raise
    except Exception as error:
        exit_code, said = _said(error, output.language)
        if exit_code is ExitCode.UNEXPECTED and output.debug:
            traceback.print_exc()
        tell(said, output.format)
        raise typer.Exit(exit_code) from None


def tell(said: Told, form: Format) -> None:
    """Write an error: as JSON where answers are JSON, else as sentences to standard error."""
    if form is Format.JSON:
        sys.stdout.write(to_json({"error": asdict(said)}) + "\n")
        return
    where = ", ".join([said.code, *(f"{name} {value}" for name, value in _whereabouts(said) if value)])
    sys.stderr.write("\n".join(line for line in (f"Error: {said.message} ({where})", said.remedy, "") if line) + "\n")


def usage(message: str, form: Format) -> None:
    """Tell that the command line is wrong."""
    tell(Told("USAGE", message, "Run the command with --help to see how it is used."), form)


def _whereabouts(said: Told) -> list[tuple[str, str]]:
    return [("at", said.member), ("field", said.field), ("reference", said.reference)]


def _said(error: Exception, language: Language) -> tuple[ExitCode, Told]:
    from tongban.core.errors import Refusal
    from tongban.federation.bench.rows import BenchFailed
    from tongban.federation.formation.errors import FormationError
    from tongban.federation.settings import SettingsError

    if isinstance(error, Refusal):
        return _refused(error, language)
    if isinstance(error, BenchFailed):
        return ExitCode.BENCH_FAILED, Told("BENCH_FAILED", str(error))
    if isinstance(error, FormationError | SettingsError):
        return ExitCode.SETTINGS_WRONG, Told("SETTINGS_WRONG", str(error))
    if isinstance(error, OSError):
        return ExitCode.FILE_FAILED, Told("FILE_FAILED", f"{error.filename or 'a file'}: {error.strerror or error}")
    return ExitCode.UNEXPECTED, _unexpected(error, language)


def _refused(refusal: "Refusal", language: Language) -> tuple[ExitCode, Told]:
    from tongban.core.codes import ANSWER_UNREADABLE, NODE_UNREACHABLE

    unreachable = refusal.code in (NODE_UNREACHABLE, ANSWER_UNREADABLE)
    message, remedy = refusal.message, refusal.remedy
    if language is Language.ZH:
        message, remedy = refusal.message_zh, refusal.remedy_zh
    said = Told(refusal.code.name, message, remedy, refusal.field, refusal.member, refusal.reference)
    return ExitCode.NODE_UNREACHABLE if unreachable else ExitCode.REFUSED, said


def _unexpected(error: Exception, language: Language) -> Told:
    """Return what is told of an error in the program itself; the reference says where it arose."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    reference = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
    if language is Language.ZH:
        return Told(
            "UNEXPECTED",
            f"程序内部出错:{type(error).__name__}。",
            "请加 --debug 重新运行并报告输出。",
            reference=reference,
        )
    remedy = "Run the command again with --debug and report what it says."
    return Told("UNEXPECTED", f"The program failed with {type(error).__name__}.", remedy, reference=reference)
