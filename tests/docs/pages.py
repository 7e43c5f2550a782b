"""Pages as the tests read them: commands, Python, and files that their readers write.

- A block ``console`` has commands after ``$ ``, each with lines of its output below it.
- A block ``python`` runs; a block ``text`` that follows it at once has lines of its output.
- A block ``{code-block}`` with a caption is a file of that name; "NAME, at the end" is added to it.
- Any other block is only read.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tongban.federation.formation.ports import free_address

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*(page for page in DOCS.rglob("*.md") if "_build" not in page.parts), *REPOSITORY.glob("README*.md")])

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?:(?P<caption>:caption:[^\n]*)\n)?(?P<text>.*?)^```$", re.M | re.S)
_GOES_ON = re.compile(r"\bgo(?:es)? on where\s+\[[^]]*\]\(([^)]+)\)\s+ends")
_COMMAND = re.compile(r"^\$ ", re.MULTILINE)
_AT_THE_END = ", at the end"


@dataclass(frozen=True)
class Piece:
    """Something that a reader of a page does: type a command, run some Python, or write a file."""

    place: str
    """Page and line."""
    kind: str
    """console, python or file."""
    text: str
    output: Sequence[str] = ()
    """Lines that come out, in order, among others; … stands for anything in a line."""
    name: str = ""
    """Of the file."""
    append: bool = False
    """Whether the text is added at the end of the file."""


def goes_on_from(page: Path) -> Path | None:
    """Return the page whose end is this page's beginning, if it says so."""
    found = _GOES_ON.search(page.read_text(encoding="utf-8"))
    return (page.parent / found[1]).resolve() if found else None


def pieces(page: Path) -> list[Piece]:
    """Return what a reader of a page does, in order, with ports that are free in place of those that it names."""
    text, found, after = _with_free_ports(page.read_text(encoding="utf-8")), list[Piece](), 0
    for block in _BLOCK.finditer(text):
        place = f"{page.name}:{text[: block.start()].count(chr(10)) + 1}"
        match block["info"].split():
            case ["console"]:
                found += _commands(place, block["text"])
            case ["python"]:
                found.append(Piece(place, "python", block["text"]))
            case ["text"] if found and found[-1].kind == "python" and not text[after : block.start()].strip():
                found[-1] = replace(found[-1], output=block["text"].splitlines())
            case ["{code-block}", _] if block["caption"]:
                found.append(_file(place, block["caption"].removeprefix(":caption:").strip(), block["text"]))
        after = block.end()
    return found


def _commands(place: str, text: str) -> Iterator[Piece]:
    assert text.startswith("$ "), f"{place}: a console block begins with a command"
    for part in _COMMAND.split(text)[1:]:
        lines = part.splitlines()
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        yield Piece(place, "console", "\n".join(lines[: last + 1]), lines[last + 1 :])


def _file(place: str, caption: str, text: str) -> Piece:
    append = caption.endswith(_AT_THE_END)
    return Piece(place, "file", text, name=caption.removesuffix(_AT_THE_END), append=append)


def _with_free_ports(text: str) -> str:
    with ExitStack() as held:
        for address in sorted(set(re.findall(r"127\.0\.0\.1:\d+", text))):
            text = text.replace(address, free_address(held))
    return text
