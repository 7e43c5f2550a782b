"""The confirmed item names."""

from importlib.resources import files

import tomli

from tongban.core.known_items import known_items


def test_there_are_66_names_numbered_in_order() -> None:
    items = known_items()
    assert [item.number for item in items] == list(range(1, 67))
    assert len({item.name for item in items}) == 66


def test_types_are_named_and_modes_and_departments_are_text() -> None:
    assert {item.type for item in known_items()} == {
        "ADMINISTRATIVE_LICENCE",
        "ADMINISTRATIVE_CONFIRMATION",
        "ADMINISTRATIVE_PAYMENT",
        "PUBLIC_SERVICE",
        "OTHER",
    }
    assert all(item.department and item.mode != "" for item in known_items())


def test_only_the_confirmed_code_is_given() -> None:
    coded = [(item.number, item.code_name, item.code) for item in known_items() if item.code]
    assert coded == [(41, "公司变更登记注册", "00013112700402")]


def test_an_item_keeps_the_wording_of_its_source() -> None:
    item = known_items()[39]
    assert (item.name, item.also) == ("内资企业及分支机构设立登记", ("内资有限公司的设立",))
    assert (item.type, item.type_source) == ("ADMINISTRATIVE_LICENCE", "行政许可(登记)")
    assert item.mode == "当地受理、异地审批、当地发证"
    assert not item.mode_inferred


def test_an_inferred_mode_says_so() -> None:
    inferred = {item.name for item in known_items() if item.mode_inferred}
    assert "医保关系转移接续" in inferred
    assert all(item.mode for item in known_items() if item.mode_inferred)


def test_the_file_says_that_it_is_no_official_list() -> None:
    text = files("tongban.core").joinpath("data/items.toml").read_text("utf-8")
    assert "THIS IS NO OFFICIAL LIST" in text
    assert tomli.loads(text)["official"] is False
