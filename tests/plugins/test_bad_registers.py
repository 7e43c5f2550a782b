"""A register that breaks a rule stops the start; the message says how to mend it, and not whom it is about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tongban.core import PluginSettings, SettingError
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id
from tongban.core.registry import ask_plugin
from tongban.plugins import credit, identity

WriteRegister = Callable[..., Path]

ZHANG = synthetic_resident_id("310151", 1)
FIRM = synthetic_credit_code("320681", 1)
WRONG_DIGIT = ZHANG[:-1] + ("1" if ZHANG[-1] == "0" else "0")
CREDIT_COLUMNS = ("credit_code", "kind", "title", "authority", "recorded_on", "shown_until", "repaired")
CREDIT_ROW = (FIRM, "HONOUR", "荣誉（示例）", "示例局", "2024-01-01", "", "0")


def _refusal(plugin: str, home: Path, **settings: object) -> str:
    module = {"identity": identity, "credit": credit}[plugin]
    with pytest.raises(SettingError) as caught:
        ask_plugin(plugin, module, PluginSettings(home, settings))
    return str(caught.value)


def _refused_population(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "people.csv").write_bytes(content)
    return _refusal("identity", tmp_path, population="people.csv")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1, column resident_id: must be named once in the first line"),
        (f"name,number\n瀛洲甲,{ZHANG}", "line 1, column resident_id: must be named once in the first line"),
        (f"姓名,resident_id\n瀛洲甲,{ZHANG}", "line 1, column name: must be named once in the first line"),
        (f"name,name,resident_id\n瀛洲甲,,{ZHANG}", "line 1, column name: must be named once in the first line"),
        (f"name,resident_id\n瀛洲甲,{WRONG_DIGIT}", "line 2, column resident_id: check digit is"),
        (f"name,resident_id\n瀛洲甲,{ZHANG[:-1]}", "line 2, column resident_id: length is 17, expected 18"),
        ("name,resident_id\n瀛洲甲,", "line 2, column resident_id: must not be empty"),
        (f"name,resident_id\n\n \u3000,{ZHANG}", "line 3, column name: must not be empty"),
        (f"name,resident_id\n瀛洲甲,{ZHANG},", "line 2: must have 2 cells, as the first line has; it has 3"),
        ("name,resident_id\n瀛洲甲", "line 2: must have 2 cells, as the first line has; it has 1"),
        (f'name,resident_id\n"瀛洲"甲,{ZHANG}', "line 2 is no CSV"),
        (f'name,resident_id\n瀛洲甲,"{ZHANG}\n', "line 2 is no CSV"),
    ],
)
def test_a_rule_is_told_with_its_place(tmp_path: Path, content: str, problem: str) -> None:
    refusal = _refused_population(tmp_path, content.encode())
    assert problem in refusal
    assert "setting population names" in refusal
    assert "people.csv" in refusal
    assert "correct the" in refusal
    assert "瀛洲" not in refusal
    assert ZHANG[:-1] not in refusal


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    refusal = _refused_population(tmp_path, f"name,resident_id\n,{ZHANG}\n瀛洲甲,1\n瀛洲乙\n".encode())
    assert [line.split(":")[0].strip() for line in refusal.splitlines()[1:]] == [
        "line 2, column name",
        "line 3, column resident_id",
        "line 4",
    ]


def test_of_very_many_problems_some_are_told(tmp_path: Path) -> None:
    refusal = _refused_population(tmp_path, b"name,resident_id\n" + b",\n" * 1000)
    assert len(refusal.splitlines()) == 21
    assert "of which at most 20 are told" in refusal


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    refusal = _refused_population(tmp_path, f"name,resident_id\n瀛洲甲,{ZHANG}\n".encode("gb18030"))
    assert "not UTF-8; save it as CSV in UTF-8" in refusal


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(f"name,resident_id\n瀛洲甲,{ZHANG}\n", encoding="utf-8-sig")
    settings = PluginSettings(tmp_path, {"population": "people.csv"})
    assert ask_plugin("identity", identity, settings).identity is not None


def test_a_wrong_credit_code(tmp_path: Path) -> None:
    (tmp_path / "firms.csv").write_text(f"name,credit_code\n示例公司,{FIRM[:-1]}I\n", encoding="utf-8")
    assert "line 2, column credit_code: must be digits" in _refusal("identity", tmp_path, entities="firms.csv")


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("credit_code", FIRM[::-1], "must be digits and capital letters"),
        ("kind", "荣誉", "must be one of REGISTRATION, JUDICIAL, "),
        ("kind", "", "must not be empty"),
        ("title", "", "must not be empty"),
        ("authority", " ", "must not be empty"),
        ("recorded_on", "2024/1/1", "must be a date in the form yyyy-mm-dd"),
        ("recorded_on", "2023-02-29", "must be a date that the calendar has"),
        ("shown_until", "长期", "must be a date in the form yyyy-mm-dd"),
        ("repaired", "是", "must be one of 0, 1, false, true"),
        ("repaired", "", "must not be empty"),
    ],
)
def test_a_wrong_credit_record(tmp_path: Path, column: str, cell: str, problem: str) -> None:
    row = [cell if name == column else good for name, good in zip(CREDIT_COLUMNS, CREDIT_ROW, strict=True)]
    lines = [",".join(one) for one in (CREDIT_COLUMNS, CREDIT_ROW, row)]
    (tmp_path / "credit.csv").write_text("\n".join(lines), encoding="utf-8")
    assert f"line 3, column {column}: {problem}" in _refusal("credit", tmp_path, register="credit.csv")


@pytest.mark.parametrize("plugin", ["identity", "credit"])
def test_a_missing_file(tmp_path: Path, plugin: str) -> None:
    key = {"identity": "population", "credit": "register"}[plugin]
    refusal = _refusal(plugin, tmp_path, **{key: "nowhere.csv"})
    assert f"setting {key} names" in refusal
    assert "nowhere.csv, which is no file" in refusal


def test_a_setting_that_is_no_text(tmp_path: Path) -> None:
    assert "setting register must be a text" in _refusal("credit", tmp_path)
    assert "setting population must be a text" in _refusal("identity", tmp_path, population=1)


def test_an_sqlite_file_without_the_table(write_database: WriteRegister, tmp_path: Path) -> None:
    people = write_database("people", ("name", "resident_id"), [])
    refusal = _refusal("identity", tmp_path, population=people.name)
    assert "must be an SQLite file with the table population (resident_id, name): no such table" in refusal


def test_an_sqlite_table_without_a_column(write_database: WriteRegister, tmp_path: Path) -> None:
    population = write_database("population", ("name", "number"), [])
    refusal = _refusal("identity", tmp_path, population=population.name)
    assert "no such column: resident_id; correct the file or the path" in refusal


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "people.db").write_text("name,resident_id\n" * 100, encoding="utf-8")
    assert "must be an SQLite file" in _refusal("identity", tmp_path, population="people.db")
