"""The example plugin, installed as its README says, answers from its records."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from tongban.core import (
    Answer,
    Approve,
    Case,
    DecidingFact,
    Item,
    ItemType,
    Party,
    PluginSettings,
    Reject,
    SettingError,
)
from tongban.core.identifiers import check_resident_id, synthetic_resident_id
from tongban.core.registry import ask_plugin

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tongban-hangzhou-gjj"


@pytest.fixture(scope="module")
def entry_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EntryPoint]:
    """Entry point of the distribution, built and installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, folder, EXAMPLE], check=True, capture_output=True)
    (installed,) = distributions(path=[str(folder)])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "tongban_hangzhou_gjj", raising=False)
        (found,) = installed.entry_points
        yield found


def _item(entry_point: EntryPoint, loans: Path) -> Item:
    settings = PluginSettings(loans.parent, {"loans": loans.name})
    (item,) = ask_plugin(entry_point.name, entry_point.load(), settings).items
    return item


@pytest.fixture
def item(entry_point: EntryPoint) -> Item:
    return _item(entry_point, EXAMPLE / "loans.csv")


def _ask(item: Item, name: str, number: str) -> Answer:
    case = Case("any", "any", item.code, "310151", Party(name, number), None, {}, [])
    answer = item.answer(case)
    assert not hasattr(answer, "__await__")
    return answer


def test_it_enters_by_the_public_door(entry_point: EntryPoint) -> None:
    assert (entry_point.group, entry_point.name) == ("tongban.plugins", "hangzhou-gjj")
    assert entry_point.load().__name__ == "tongban_hangzhou_gjj"


def test_the_item(item: Item) -> None:
    assert item.name == "开具住房公积金个人住房贷款全部还清证明"
    assert (item.type, item.deciding_fact) == (ItemType.PUBLIC_SERVICE, DecidingFact.FUND_DEPOSIT)
    assert item.promised_days == 0
    assert list(item.published("330100").places) == ["330100"]


def test_a_loan_that_is_paid_off_is_certified(item: Item) -> None:
    answer = _ask(item, "钱塘甲", synthetic_resident_id("330106", 1))
    assert answer == Approve("钱塘甲的住房公积金个人住房贷款（示例-2016-00017）已于2026-09-30全部还清。特此证明。")


def test_several_loans_are_certified_together(item: Item) -> None:
    answer = _ask(item, "湘湖丙", synthetic_resident_id("330109", 3))
    assert answer == Approve(
        "湘湖丙的住房公积金个人住房贷款（示例-2011-00102、示例-2021-00388）已于2026-06-01全部还清。特此证明。"
    )


@pytest.mark.parametrize(("name", "place", "serial"), [("钱塘乙", "330106", 2), ("吴山丁", "330102", 4)])
def test_a_loan_that_is_not_paid_off_is_not_certified(item: Item, name: str, place: str, serial: int) -> None:
    answer = _ask(item, name, synthetic_resident_id(place, serial))
    assert answer == Reject("该借款人的住房公积金个人住房贷款尚未全部还清。")


@pytest.mark.parametrize(("name", "serial"), [("钱塘甲", 9), ("钱塘乙", 1)])
def test_without_a_loan_in_that_name_nothing_is_certified(item: Item, name: str, serial: int) -> None:
    answer = _ask(item, name, synthetic_resident_id("330106", serial))
    assert answer == Reject("本中心没有该姓名和证件号码的住房公积金个人住房贷款记录。")


def test_the_people_of_the_example_are_nobody() -> None:
    _, *lines = (EXAMPLE / "loans.csv").read_text(encoding="utf-8").splitlines()
    numbers = [line.split(",")[0] for line in lines]
    assert numbers
    assert all(check_resident_id(number) is None and number[6:8] == "18" for number in numbers)


def test_wrong_records_stop_the_start(entry_point: EntryPoint, tmp_path: Path) -> None:
    loans = tmp_path / "loans.csv"
    loans.write_text("resident_id,name,loan_number,repaid_on\n1,甲,2,2026-02-30\n", encoding="utf-8")
    with pytest.raises(SettingError, match="line 2, column repaid_on: must be a date that the calendar has"):
        _item(entry_point, loans)
