"""Verdicts of the identity source, and what is no verdict."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tongban.core import Party, PluginSettings, SettingError, SourceUnavailable, Verdict
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id
from tongban.core.registry import ask_plugin
from tongban.plugins import identity

from .conftest import at_once

WriteRegister = Callable[..., Path]
Source = Callable[[Party], Verdict]

PEOPLE = ("name", "resident_id")
FIRMS = ("name", "credit_code")
ZHANG = synthetic_resident_id("310151", 1)
TWICE = synthetic_resident_id("310151", 2)
UNKNOWN = synthetic_resident_id("310151", 3)
FIRM = synthetic_credit_code("320681", 1)


def _source(**settings: object) -> Source:
    source = ask_plugin("identity", identity, PluginSettings(Path("/"), settings)).identity
    assert source is not None
    return at_once(source)


@pytest.fixture
def source(write_register: WriteRegister) -> Source:
    people = [["瀛洲甲", ZHANG], ["瀛洲乙", TWICE], ["瀛洲丙", TWICE]]
    population = write_register("population", PEOPLE, people)
    entities = write_register("entities", FIRMS, [["启东示例（海工）有限公司", FIRM]])
    return _source(population=str(population), entities=str(entities))


@pytest.mark.parametrize(
    ("name", "number", "verdict"),
    [
        ("瀛洲甲", ZHANG, Verdict.MATCH),
        ("瀛洲乙", ZHANG, Verdict.MISMATCH),
        ("瀛洲甲", UNKNOWN, Verdict.NOT_FOUND),
        ("瀛洲乙", TWICE, Verdict.MATCH),
        ("瀛洲丙", TWICE, Verdict.MATCH),
        ("瀛洲甲", TWICE, Verdict.MISMATCH),
    ],
)
def test_a_person(source: Source, name: str, number: str, verdict: Verdict) -> None:
    assert source(Party(name, number)) is verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("启东示例（海工）有限公司", Verdict.MATCH),
        ("启东示例(海工)有限公司", Verdict.MATCH),
        ("启东示例海工有限公司", Verdict.MISMATCH),
    ],
)
def test_an_organisation(source: Source, name: str, verdict: Verdict) -> None:
    assert source(Party(name, FIRM, is_organisation=True)) is verdict


def test_people_and_organisations_are_kept_apart(source: Source) -> None:
    assert source(Party("瀛洲甲", ZHANG, is_organisation=True)) is Verdict.NOT_FOUND
    assert source(Party("启东示例（海工）有限公司", FIRM)) is Verdict.NOT_FOUND


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def test_white_space_and_width_make_no_difference(source: Source) -> None:
    assert source(Party("\u3000瀛洲甲 ", f" {_full_width(ZHANG)}\t")) is Verdict.MATCH


@pytest.mark.parametrize("name", ["瀛洲 甲", "瀛洲甲甲", "瀛·洲甲", "瀛洲"])
def test_anything_else_makes_a_difference(source: Source, name: str) -> None:
    assert source(Party(name, ZHANG)) is Verdict.MISMATCH


def test_the_register_may_hold_full_width_names(write_register: WriteRegister) -> None:
    population = write_register("population", PEOPLE, [["\u3000Ｊａｎｅ　Ｄｏｅ ", ZHANG]])
    assert _source(population=str(population))(Party("Jane Doe", ZHANG)) is Verdict.MATCH


def test_it_may_be_asked_from_many_threads(source: Source) -> None:
    with ThreadPoolExecutor(8) as threads:
        verdicts = set(threads.map(source, [Party("瀛洲甲", ZHANG)] * 200))
    assert verdicts == {Verdict.MATCH}


def test_without_a_register_of_that_kind_there_is_no_verdict(write_register: WriteRegister) -> None:
    source = _source(population=str(write_register("population", PEOPLE, [["瀛洲甲", ZHANG]])))
    with pytest.raises(SourceUnavailable, match="entities"):
        source(Party("启东示例（海工）有限公司", FIRM, is_organisation=True))


def test_one_register_must_be_set() -> None:
    with pytest.raises(SettingError, match="population or entities"):
        _source()


def _remove(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garble(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _change(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)

    return change


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param(_remove, id="removed"),
        pytest.param(_empty, id="emptied"),
        pytest.param(_garble, id="garbled"),
        pytest.param(_change("DROP TABLE population"), id="no table"),
        pytest.param(_change("ALTER TABLE population RENAME COLUMN name TO called"), id="no column"),
        pytest.param(_change("UPDATE population SET name = NULL"), id="no name"),
        pytest.param(_change("UPDATE population SET name = '  '"), id="blank name"),
        pytest.param(_change("UPDATE population SET name = CAST(name AS BLOB)"), id="bytes"),
        pytest.param(_change("UPDATE population SET name = CAST(x'D5C5C8FD' AS TEXT)"), id="not UTF-8"),
    ],
)
def test_a_register_that_breaks_gives_no_verdict(
    write_database: WriteRegister, breaking: Callable[[Path], None]
) -> None:
    population = write_database("population", PEOPLE, [["瀛洲甲", ZHANG]])
    source = _source(population=str(population))
    assert source(Party("瀛洲甲", ZHANG)) is Verdict.MATCH
    breaking(population)
    with pytest.raises(SourceUnavailable, match="register population") as caught:
        source(Party("瀛洲甲", ZHANG))
    assert ZHANG not in str(caught.value)
    assert "瀛洲" not in str(caught.value)


def test_a_removed_register_is_not_made_anew(write_database: WriteRegister) -> None:
    population = write_database("population", PEOPLE, [["瀛洲甲", ZHANG]])
    source = _source(population=str(population))
    population.unlink()
    with pytest.raises(SourceUnavailable):
        source(Party("瀛洲甲", ZHANG))
    assert not population.exists()


def test_a_locked_register_gives_no_verdict(write_database: WriteRegister) -> None:
    population = write_database("population", PEOPLE, [["瀛洲甲", ZHANG]])
    source = _source(population=str(population))
    with closing(sqlite3.connect(population)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="SQLITE_BUSY"):
            source(Party("瀛洲甲", ZHANG))
    assert source(Party("瀛洲甲", ZHANG)) is Verdict.MATCH


def test_a_register_may_be_replaced_while_it_is_asked(write_database: WriteRegister, tmp_path: Path) -> None:
    population = write_database("population", PEOPLE, [["瀛洲甲", ZHANG]])
    source = _source(population=str(population))
    assert source(Party("瀛洲甲", ZHANG)) is Verdict.MATCH
    newer = tmp_path / "newer.sqlite"
    population.rename(newer)
    _change("UPDATE population SET name = '瀛洲丁'")(newer)
    newer.rename(population)
    assert source(Party("瀛洲丁", ZHANG)) is Verdict.MATCH


def test_a_csv_counts_as_it_was_at_start(tmp_path: Path) -> None:
    population = tmp_path / "people.csv"
    population.write_text(f"resident_id,name\n{ZHANG},瀛洲甲\n", encoding="utf-8")
    source = ask_plugin("identity", identity, PluginSettings(tmp_path, {"population": "people.csv"})).identity
    population.unlink()
    assert source is not None
    assert at_once(source)(Party("瀛洲甲", ZHANG)) is Verdict.MATCH
