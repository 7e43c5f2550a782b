"""Items of the desk: what its file describes, what its handler asks for, and what a wrong file is told."""

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor

from tongban.api.catalogue.v1 import catalogue_pb2
from tongban.api.rules.v1 import rules_pb2
from tongban.core import (
    Answer,
    Case,
    Correct,
    DecidingFact,
    Field,
    Item,
    ItemType,
    LeaveToOfficer,
    Material,
    Party,
    PluginSettings,
    Required,
    SettingError,
)
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.known_items import known_items
from tongban.core.registry import ask_plugin
from tongban.plugins import desk
from tongban.plugins.desk import description

EXAMPLE = str(files("tongban.plugins.desk").joinpath("examples/company-registration.toml"))

MINIMAL = """
[[item]]
code = "X-1"
name = "示例事项"
type = "OTHER"
deciding_fact = "HOUSEHOLD"
result_title = "示例证明"
"""


def _items(path: str) -> list[Item]:
    return list(ask_plugin("desk", desk, PluginSettings(Path("/"), {"items": path})).items)


def _items_of(tmp_path: Path, text: str) -> list[Item]:
    path = tmp_path / "items.toml"
    path.write_text(text, encoding="utf-8")
    return _items(str(path))


def _problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingError) as caught:
        _items_of(tmp_path, text)
    first, *problems = str(caught.value).splitlines()
    assert first == f"setting items names {tmp_path / 'items.toml'}, which breaks these rules:"
    return [problem.strip() for problem in problems]


def _case(item: Item, there: Collection[str], correction_asked: bool = False) -> Case:
    return Case(
        case_id="any",
        key="any",
        item_code=item.code,
        intake="310151",
        applicant=Party("启东示例有限公司", synthetic_credit_code("320681", 1), is_organisation=True),
        agent=None,
        form={"new_address": "崇明区示例路1号"},
        materials=[Material(code, code, "0" * 64, 1, "application/pdf", Path("/dev/null")) for code in there],
        correction_asked=correction_asked,
    )


def _answer(there: Collection[str], correction_asked: bool = False) -> Answer:
    (item,) = _items(EXAMPLE)
    answer = item.answer(_case(item, there, correction_asked))
    assert not hasattr(answer, "__await__")
    return answer


def test_the_example_is_described_in_full() -> None:
    (item,) = _items(EXAMPLE)
    assert (item.code, item.name) == ("00013112700402", "公司变更登记注册")
    assert (item.type, item.deciding_fact) == (ItemType.ADMINISTRATIVE_LICENCE, DecidingFact.REGISTRATION)
    assert (item.promised_days, item.correction_days, item.result_title) == (3, 5, "准予变更登记通知书")
    assert item.form == [Field("new_address", "变更后住所"), Field("reason", "变更原因", required=False)]
    assert item.materials == [
        Required("application", "变更登记申请书"),
        Required("resolution", "股东会决议"),
        Required("licence", "营业执照副本", required=False),
    ]


def test_the_example_bears_a_name_and_code_that_are_confirmed() -> None:
    (item,) = _items(EXAMPLE)
    assert (item.code, item.name) in {(known.code, known.code_name) for known in known_items()}


def test_the_example_says_that_it_is_no_official_list() -> None:
    assert "no official list" in Path(EXAMPLE).read_text(encoding="utf-8").splitlines()[0]


def test_the_example_can_be_published() -> None:
    (item,) = _items(EXAMPLE)
    published = item.published("320681")
    assert published.promise == catalogue_pb2.PROMISE_WORKING_DAYS
    assert [field.name for field in published.form] == ["new_address", "reason"]
    assert list(published.places) == ["320681"]


def test_everything_missing_is_asked_for_at_once() -> None:
    assert _answer([]) == Correct({"application": "请补交变更登记申请书", "resolution": "请补交股东会决议"})


def test_only_what_is_missing_is_asked_for() -> None:
    assert _answer(["application", "licence"]) == Correct({"resolution": "请补交股东会决议"})


def test_a_complete_case_is_left_to_an_officer() -> None:
    assert _answer(["application", "resolution"]) == LeaveToOfficer()


def test_a_correction_is_asked_for_once() -> None:
    assert _answer(["application"], correction_asked=True) == LeaveToOfficer()


def test_each_item_asks_for_its_own_materials(tmp_path: Path) -> None:
    second = MINIMAL.replace("X-1", "X-2") + 'materials = [{code = "b", name = "乙"}]\n'
    items = _items_of(tmp_path, MINIMAL + 'materials = [{code = "a", name = "甲"}]\n' + second)
    assert [item.answer(_case(item, [])) for item in items] == [Correct({"a": "请补交甲"}), Correct({"b": "请补交乙"})]


def test_what_a_file_leaves_out_is_as_in_an_item(tmp_path: Path) -> None:
    (item,) = _items_of(tmp_path, MINIMAL)
    plain = Item(
        "X-1", "示例事项", ItemType.OTHER, DecidingFact.HOUSEHOLD, "示例证明", form=[], materials=[], places=[]
    )
    plain.answer = item.answer
    assert item == plain


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('promised_days = "3"', "promised_days: Input should be a valid integer; correct the value"),
        ("promised_days = 366", "promised_days: Input should be less than or equal to 365; correct the value"),
        ("promised_days = true", "promised_days: Input should be a valid integer; correct the value"),
        ("correction_days = 0", "correction_days: Input should be greater than or equal to 1; correct the value"),
        ("version = 0", "version: Input should be greater than or equal to 1; correct the value"),
        ('places = ["3206"]', "places.1: must be six digits, such as 310151; correct the value"),
        ('implementation_code = "?"', "implementation_code: String should match pattern"),
        ("promise_days = 3", "promise_days: Extra inputs are not permitted; remove the key or correct its spelling"),
        ('form = [{name = "a"}]', "form.1.label: Field required; add the key"),
        ('form = [{name = "A", label = "甲"}]', "form.1.name: String should match pattern"),
        ('form = [{name = "a", label = "甲", max_len = 1001}]', "form.1.max_len: Input should be less than or equal"),
        (
            'form = [{name = "a", label = "甲", format = "phone"}]',
            "form.1.format: Input should be one of resident-id, ",
        ),
        ('form = [{name = "a", label = "甲", required = 1}]', "form.1.required: Input should be a valid boolean"),
        ('materials = [{code = "a"}]', "materials.1.name: Field required; add the key"),
        ('materials = [{code = "a", name = "甲", format = "pdf"}]', "materials.1.format: Extra inputs are not"),
        ('materials = "none"', "materials: Input should be a valid list; correct the value"),
        (
            'form = [{name = "a", label = "甲"}]\nmaterials = [{code = "a", name = "甲"}]',
            "form or materials: a must be given once; rename one",
        ),
    ],
)
def test_a_wrong_value_is_told_with_item_and_key(tmp_path: Path, line: str, problem: str) -> None:
    (told,) = _problems(tmp_path, MINIMAL + line + "\n")
    assert told.startswith(f"item 1 (X-1), {problem}") or told == f"item X-1, {problem}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("code", '"X 1"'),
        ("code", f'"{"X" * 51}"'),
        ("name", '""'),
        ("type", '"LICENCE"'),
        ("deciding_fact", '"household"'),
        ("result_title", f'"{"证" * 101}"'),
    ],
)
def test_a_wrong_value_of_a_required_key(tmp_path: Path, key: str, value: str) -> None:
    lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in MINIMAL.splitlines()]
    (told,) = _problems(tmp_path, "\n".join(lines))
    assert f", {key}: " in told


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    problems = _problems(tmp_path, 'title = "示例"\n' + MINIMAL + "colour = 1\nversion = 0\n" + MINIMAL + "[[item]]\n")
    places = [problem.split(":")[0] for problem in problems]
    required = ["code", "name", "type", "deciding_fact", "result_title"]
    assert places == [
        "item 1 (X-1), version",
        "item 1 (X-1), colour",
        *[f"item 3, {key}" for key in required],
        "title",
        "item X-1, code",
    ]


@pytest.mark.parametrize("text", ["", "[item]\ncode = 'X-1'", "item = 1", "item = []", "item = [1]"])
def test_a_file_without_items_is_refused(tmp_path: Path, text: str) -> None:
    (told,) = _problems(tmp_path, text)
    assert told.startswith("item")


@pytest.mark.parametrize("content", [b"[[item]", 'name = "公司"'.encode("gb18030")])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "items.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=r"items\.toml, which must be TOML in UTF-8: .*; correct the file"):
        _items(str(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"setting items names .*, which is no file"):
        _items(str(tmp_path / "nowhere.toml"))


def _limits(rules: rules_pb2.FieldRules) -> dict[str, object]:
    """Limits of a field of the contract, in the words of JSON schema."""
    limits: dict[str, object] = {
        "maxLength": rules.max_len or None,
        "maxItems": rules.max_items or None,
        "pattern": f"^{rules.pattern}$" if rules.pattern else None,
        "minimum": rules.min if rules.HasField("min") else None,
        "maximum": rules.max if rules.HasField("max") else None,
    }
    return {word: limit for word, limit in limits.items() if limit is not None}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("_Item", catalogue_pb2.Item.DESCRIPTOR),
        ("_Field", catalogue_pb2.FormField.DESCRIPTOR),
        ("_Material", catalogue_pb2.MaterialRequirement.DESCRIPTOR),
    ],
)
def test_the_limits_are_those_of_the_contract(model: str, message: Descriptor) -> None:
    properties: dict[str, dict[str, Any]] = getattr(description, model).model_json_schema()["properties"]
    for field in message.fields:
        limits = _limits(field.GetOptions().Extensions[rules_pb2.field])
        described = properties.get(field.name, {})
        described = {**described.get("items", {}), **described}  # The rules of a list's texts hold for each of them.
        assert {word: described.get(word) for word in limits} == limits, field.name
