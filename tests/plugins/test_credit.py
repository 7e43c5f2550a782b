"""Records of the credit source, and a register that does not answer."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from tongban.core import CreditRecord, PluginSettings, RecordKind, SourceUnavailable
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.registry import ask_plugin
from tongban.plugins import credit

from .conftest import at_once

WriteRegister = Callable[..., Path]

COLUMNS = ("credit_code", "kind", "title", "authority", "recorded_on", "shown_until", "repaired")
FIRM = synthetic_credit_code("320681", 1)
OTHER = synthetic_credit_code("320681", 2)
UNKNOWN = synthetic_credit_code("320681", 3)
ROWS = [
    [FIRM, "ADMINISTRATIVE", "行政处罚（示例）", "启东市示例局", "2024-03-01", "2027-03-01", "0"],
    [OTHER, "HONOUR", "守合同重信用（示例）", "启东市示例协会", "2023-05-09", "", "0"],
    [FIRM, "ABNORMAL_OPERATION", "列入经营异常名录（示例）", "启东市示例局", "2022-07-02", "2025-07-02", "1"],
]


def _records(path: Path, code: str) -> Sequence[CreditRecord]:
    source = ask_plugin("credit", credit, PluginSettings(Path("/"), {"register": str(path)})).credit
    assert source is not None
    return at_once(source)(code)


def test_all_records_of_an_organisation(write_register: WriteRegister) -> None:
    assert _records(write_register("credit_records", COLUMNS, ROWS), FIRM) == [
        CreditRecord(RecordKind.ADMINISTRATIVE, "行政处罚（示例）", "启东市示例局", date(2024, 3, 1), date(2027, 3, 1)),
        CreditRecord(
            RecordKind.ABNORMAL_OPERATION,
            "列入经营异常名录（示例）",
            "启东市示例局",
            date(2022, 7, 2),
            date(2025, 7, 2),
            repaired=True,
        ),
    ]


def test_a_record_without_a_last_day(write_register: WriteRegister) -> None:
    (record,) = _records(write_register("credit_records", COLUMNS, ROWS), OTHER)
    assert record.shown_until is None


@pytest.mark.parametrize("code", [FIRM, f" {FIRM}", "".join(chr(ord(one) + 0xFEE0) for one in FIRM)])
def test_white_space_and_width_make_no_difference(write_register: WriteRegister, code: str) -> None:
    assert len(_records(write_register("credit_records", COLUMNS, ROWS), code)) == 2


def test_no_record_is_an_answer(write_register: WriteRegister) -> None:
    assert list(_records(write_register("credit_records", COLUMNS, ROWS), UNKNOWN)) == []


@pytest.mark.parametrize(
    ("cell", "repaired"), [("0", False), ("1", True), ("false", False), ("true", True), (0, False), (1, True)]
)
def test_repaired(write_register: WriteRegister, cell: object, repaired: bool) -> None:
    (record,) = _records(write_register("credit_records", COLUMNS, [[*ROWS[0][:-1], cell]]), FIRM)
    assert record.repaired is repaired


def test_an_sqlite_register_may_leave_the_last_day_null(write_database: WriteRegister) -> None:
    row = [None if cell == "" else cell for cell in ROWS[1]]
    (record,) = _records(write_database("credit_records", COLUMNS, [row]), OTHER)
    assert record.shown_until is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "GOSSIP"),
        ("kind", None),
        ("title", ""),
        ("authority", None),
        ("recorded_on", "2024-02-30"),
        ("recorded_on", "2024-02-01 00:00:00"),
        ("recorded_on", 20240201),
        ("recorded_on", 2460000.5),
        ("shown_until", "soon"),
        ("repaired", None),
        ("repaired", 2),
    ],
)
def test_a_wrong_row_is_no_answer(write_database: WriteRegister, column: str, value: object) -> None:
    register = write_database("credit_records", COLUMNS, ROWS)
    with closing(sqlite3.connect(register)) as connection, connection:
        connection.execute(f"UPDATE credit_records SET {column} = ? WHERE credit_code = ?", (value, FIRM))
    with pytest.raises(SourceUnavailable, match=f"credit_records holds a wrong row: column {column} must"):
        _records(register, FIRM)
    assert len(_records(register, OTHER)) == 1


def test_a_removed_register_is_no_answer(write_database: WriteRegister) -> None:
    register = write_database("credit_records", COLUMNS, ROWS)
    source = ask_plugin("credit", credit, PluginSettings(Path("/"), {"register": str(register)})).credit
    assert source is not None
    register.unlink()
    with pytest.raises(SourceUnavailable, match="credit_records did not answer"):
        source(UNKNOWN)
