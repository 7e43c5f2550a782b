"""The generated reference pages say what the code says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tongban.api import include_dir
from tongban.core.codes import CATALOGUE, Code

REPOSITORY = Path(__file__).resolve().parents[2]
REFERENCE = REPOSITORY / "docs" / "reference"


def test_the_generated_pages_are_fresh() -> None:
    command = [sys.executable, str(REPOSITORY / "tools" / "reference.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("code", CATALOGUE.values(), ids=CATALOGUE)
def test_each_error_code_has_a_row_with_its_sentences(code: Code) -> None:
    rows = (REFERENCE / "errors.md").read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{code.name}` |")]
    assert code.message_zh in row
    assert code.remedy_zh in row


def _declared() -> list[str]:
    """Full names of the services, messages and enums in the contracts, as their text has them."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(include_dir().rglob("*.proto"))]
    return [
        f"{package}.{name}"
        for text in texts
        for package in re.findall(r"^package ([\w.]+);", text, re.MULTILINE)
        for name in re.findall(r"^(?:service|message|enum) (\w+) {", text, re.MULTILINE)
    ]


@pytest.mark.parametrize("name", _declared())
def test_each_declaration_of_the_contracts_has_a_section(name: str) -> None:
    assert f"({name})=" in (REFERENCE / "contracts.md").read_text(encoding="utf-8").splitlines()
