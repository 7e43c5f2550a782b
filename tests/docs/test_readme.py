"""README.md and its Chinese twin are in step, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.zh-CN.md"]


def _text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def _code_blocks(text: str) -> list[list[str]]:
    """Return the lines of each block; of one that shows a command's output, the command without its language."""
    blocks = [block.splitlines() for block in re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)]
    return [_commands(block) if block[0] == "```console" else block for block in blocks]


def _commands(block: list[str]) -> list[str]:
    return [line.removesuffix(" --language zh") for line in block if line.startswith("$ ")] + [str(len(block))]


def _heading_levels(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+) ", prose, re.MULTILINE)


def test_both_have_the_same_headings() -> None:
    english, chinese = map(_heading_levels, map(_text, READMES))
    assert english == chinese
    assert len(english) > 1


def test_both_have_the_same_code_blocks() -> None:
    english, chinese = map(_code_blocks, map(_text, READMES))
    assert english == chinese
    assert len(english) > 1


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_files_of_the_repository(name: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", _text(name))
    assert targets
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
