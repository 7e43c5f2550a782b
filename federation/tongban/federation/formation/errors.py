"""What hinders a federation's formation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import tomli
from pydantic import BaseModel, ValidationError

from tongban.federation.settings import problem_of

M = TypeVar("M", bound=BaseModel)


class FormationError(Exception):
    """A step cannot be done; every problem is a line that says what is wrong and what to do. Nothing was written."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join([f"{subject}:", *(f"  {problem}" for problem in problems)]))
        self.subject = subject
        self.problems = list(problems)


def read_file(path: Path, what: str) -> bytes:
    """Read a file that somebody named.

    Raises:
        FormationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormationError(
            f"{path} is no {what}", [f"it cannot be read ({error.strerror}); check the name"]
        ) from None


def read_toml(path: Path, what: str) -> dict[str, object]:
    """Read a TOML file that somebody wrote.

    Raises:
        FormationError: it cannot be read or is no TOML.
    """
    try:
        return tomli.loads(read_file(path, what).decode())
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormationError(f"{path} is no {what}", [f"it is no TOML: {error}; correct it there"]) from None


def parsed(model: type[M], table: object, subject: str) -> M:
    """Return a table as the model that it must be.

    Raises:
        FormationError: with every error of the table.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise FormationError(subject, [problem_of(one) for one in error.errors(include_url=False)]) from None
