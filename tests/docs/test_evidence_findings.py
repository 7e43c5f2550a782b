"""The page on verifying evidence explains each finding that a verification can tell."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "verify-evidence.md"
EVIDENCE = REPOSITORY / "core" / "tongban" / "core" / "evidence"


def _findings() -> Iterator[str]:
    """Yield the sentences of findings, … in place of what is filled in."""
    for file in EVIDENCE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("self._problem", "EvidenceUnreadable"):
                yield _text(node.args[1])


def _text(sentence: ast.expr) -> str:
    parts = sentence.values if isinstance(sentence, ast.JoinedStr) else [sentence]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)


def _explained() -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("finding", list(_findings()))
def test_each_finding_is_explained(finding: str) -> None:
    assert [one for one in _explained() if one in finding]


@pytest.mark.parametrize("explained", _explained())
def test_each_explanation_is_of_a_finding(explained: str) -> None:
    assert [one for one in _findings() if explained in one]
