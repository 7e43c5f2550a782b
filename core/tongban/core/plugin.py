"""What a node gives a plugin: the settings that the operator wrote for it, and the files that they name."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tongban.core.identifiers import FORMATS

_PROBLEMS_TOLD = 20

_Line = tuple[int, list[str]]
"""Number of a line, and its cells."""


class SettingError(Exception):
    """A plugin's setting is missing or wrong; the text names the key, the rule and the remedy."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file that a setting names."""

    name: str
    format: str = ""
    """Named format, as in resident-id, credit-code, date; empty for any text."""
    required: bool = True
    """Whether each row must fill it."""
    choices: Sequence[str] = ()
    """The texts that it may hold; empty: any."""

    def problem(self, text: str) -> str | None:
        """Tell which rule a cell breaks, without repeating the cell, or None."""
        if not text:
            return "must not be empty" if self.required else None
        if self.choices and text not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        return FORMATS[self.format](text) if self.format else None


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The table ``[plugins.NAME]`` of node.toml."""

    home: Path
    """The node's folder; relative paths start there."""
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text setting.

        Raises:
            SettingError: it is missing and has no default, or it is no text.
        """
        value = self.values.get(key, default)
        if isinstance(value, str):
            return value
        raise SettingError(f"setting {key} must be a text; write it in the plugin's table of node.toml")

    def path(self, key: str) -> Path:
        """Return a setting that names an existing file.

        Raises:
            SettingError: it is missing, no text, or there is no such file.
        """
        path = self.home / self.text(key)
        if not path.is_file():
            raise SettingError(f"setting {key} names {path}, which is no file; correct the path in node.toml")
        return path

    def rows(self, key: str, *columns: Column | str) -> list[dict[str, str]]:
        """Return the rows of the CSV file that a setting names: UTF-8, the first line names the columns.

        Only these columns are kept, in whatever order the file has them; a bare name stands for `Column` of that name.
        White space around a cell is dropped, and empty lines are passed over.

        Raises:
            SettingError: there is no such file, or it cannot be read, or lines break a rule. The text names file,
                line, column, rule and remedy, for at most 20 problems, and repeats no cell.
        """
        path = self.path(key)
        header, *lines = _read(key, path) or [(1, [])]
        kept = [Column(one) if isinstance(one, str) else one for one in columns]
        if problems := list(islice(_problems(header, lines, kept), _PROBLEMS_TOLD)):
            listed = "".join(f"\n  {problem}" for problem in problems)
            rules = f"these rules, of which at most {_PROBLEMS_TOLD} are told"
            raise SettingError(f"setting {key} names {path}, which breaks {rules}; correct the file:{listed}")
        places = [(header[1].index(one.name), one.name) for one in kept]
        return [{name: cells[place] for place, name in places} for _, cells in lines]


def _read(key: str, path: Path) -> list[_Line]:
    """Read all lines; a byte order mark, as spreadsheets write it, is no part of the first name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except UnicodeDecodeError:
        raise SettingError(f"setting {key} names {path}, which is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        rule = f"line {reader.line_num} is no CSV: {error}"
        raise SettingError(f"setting {key} names {path}, whose {rule}; correct the quotes in or before it") from None
    except OSError as error:
        reason = error.strerror
        raise SettingError(
            f"setting {key} names {path}, which cannot be read: {reason}; let the node read it"
        ) from None


def _problems(header: _Line, lines: Sequence[_Line], columns: Sequence[Column]) -> Iterator[str]:
    number, names = header
    if wrong := [one.name for one in columns if names.count(one.name) != 1]:
        yield from (f"line {number}, column {name}: must be named once in the first line" for name in wrong)
        return
    places = [(names.index(one.name), one) for one in columns]
    for line in lines:
        yield from _problems_of_line(line, places, len(names))


def _problems_of_line(line: _Line, places: Sequence[tuple[int, Column]], width: int) -> Iterator[str]:
    number, cells = line
    if len(cells) != width:
        yield f"line {number}: must have {width} cells, as the first line has; it has {len(cells)}"
        return
    for place, column in places:
        if problem := column.problem(cells[place]):
            yield f"line {number}, column {column.name}: {problem}"
