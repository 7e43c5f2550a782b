"""What pages tell their readers to do can be done, and gives what they say.

Each page is done in a new folder; one that goes on where another ends is done in that one's, after it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .pages import PAGES, REPOSITORY, goes_on_from, pieces
from .reader import Reader, missing

RUNNABLE = [page for page in PAGES if pieces(page)]


class Readers:
    """For each page that was done, the reader who did it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._readers: dict[Path, Reader] = {}

    def do(self, page: Path) -> Reader:
        """Do a page, once, and the one before it."""
        if page not in self._readers:
            before = goes_on_from(page)
            self._readers[page] = self.do(before) if before else self._stack.enter_context(Reader())
            self._readers[page].do(pieces(page))
        return self._readers[page]


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with ExitStack() as stack:
        yield Readers(stack)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE, ids=[str(page.relative_to(REPOSITORY)) for page in RUNNABLE])
def test_what_a_page_says_is_so(page: Path, readers: Readers) -> None:
    readers.do(page)


@pytest.mark.parametrize(
    ("expected", "output", "lacks"),
    [
        (["a", "b"], "a  \nb\n", None),
        (["a", "c"], "a\nb\nc\n", None),
        (["a … c", "…"], "a b c\nd\n", None),
        ([], "a\n", None),
        (["b", "a"], "a\nb\n", "a"),
        (["a.c"], "abc\n", "a.c"),
        (["a"], "a b\n", "a"),
    ],
)
def test_lines_of_output_are_compared(expected: list[str], output: str, lacks: str | None) -> None:
    assert missing(expected, output) == lacks


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ false\n```",
        "```console\n$ false\n$ true\n```",
        "```console\n$ echo a\nb\n```",
        "```python\n1 / 0\n```",
        "```python\nprint(1)\n```\n\n```text\n2\n```",
    ],
)
def test_a_page_that_is_wrong_is_noticed(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{text}\n", encoding="utf-8")
    with Reader() as reader, pytest.raises(AssertionError, match=r"page\.md:1"):
        reader.do(pieces(page))


def test_files_commands_and_python_share_a_folder(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ mkdir a && cd a\n```\n"
        "```{code-block} text\n:caption: b\n1\n```\n```{code-block} text\n:caption: b, at the end\n2\n```\n"
        "```python\nprint(open('b').read())\n```\n\n```text\n1\n2\n```\n"
        "```console\n$ false\n$ echo $?\n1\n$ sleep 60 &\n```\n",
        encoding="utf-8",
    )
    with Reader() as reader:
        reader.do(pieces(page))
