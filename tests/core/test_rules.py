"""Field rules, on the project's contracts and on one made for this test."""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import DecideCaseRequest, SubmitCaseRequest
from tongban.api.catalogue.v1.catalogue_pb2 import MODE_ONLINE
from tongban.api.common.v1.common_pb2 import CallContext, Organisation, Party, Person
from tongban.api.documents.v1.documents_pb2 import Agreement, CaseRow
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, Question
from tongban.api.rules.v1 import rules_pb2
from tongban.core.codes import INVALID_FIELD
from tongban.core.errors import Refusal
from tongban.core.identifiers import CASE_TOKEN_BYTES, case_id, synthetic_credit_code, synthetic_resident_id
from tongban.core.identifiers.formats import FORMATS
from tongban.core.rules import FieldRule, RuleKind, rules_of, validate
from tongban.core.rules.contract import descriptor_of
from tongban.core.rules.rule import FORMAT_TEXTS
from tongban.core.testing.negatives import negatives

PROTOS = Path(__file__).resolve().parents[2] / "protos"
CONTRACT = """
syntax = "proto3";
package tongban_test_rules.v1;
import "google/protobuf/timestamp.proto";
import "tongban/api/rules/v1/rules.proto";

enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; COLOUR_BLUE = 4; }

message Folder {
  string name = 1 [(tongban.api.rules.v1.field) = {required: true, max_len: 5}];
  repeated Folder folders = 2 [(tongban.api.rules.v1.field) = {max_items: 3}];
  map<string, Folder> by_name = 3;
  map<int32, string> by_number = 4 [(tongban.api.rules.v1.field) = {min_len: 1, max_len: 3}];
}

message Settings {
  optional uint32 level = 1 [(tongban.api.rules.v1.field) = {min: 1, max: 5}];
  optional string label = 2 [(tongban.api.rules.v1.field) = {required: true}];
  int32 count = 3 [(tongban.api.rules.v1.field) = {min: 1}];
  repeated Colour colours = 4 [(tongban.api.rules.v1.field) = {required: true}];
  bool agreed = 5 [(tongban.api.rules.v1.field) = {required: true}];
  google.protobuf.Timestamp until = 6;
  oneof way {
    string letter = 7 [(tongban.api.rules.v1.field) = {required: true, max_len: 3}];
    bool pickup = 8;
  }
  map<string, string> form = 9 [(tongban.api.rules.v1.field) = {key_pattern: "[a-z]+"}];
}

message LengthOfNumber { int32 field = 1 [(tongban.api.rules.v1.field) = {max_len: 5}]; }
message ItemsOfOne { string field = 1 [(tongban.api.rules.v1.field) = {max_items: 5}]; }
message SmallestText { string field = 1 [(tongban.api.rules.v1.field) = {min: 5}]; }
message PatternOfBytes { bytes field = 1 [(tongban.api.rules.v1.field) = {pattern: "a"}]; }
message FormatOfMessage { Folder field = 1 [(tongban.api.rules.v1.field) = {format: FORMAT_DATE}]; }
message KeysOfNumbers { map<int32, string> field = 1 [(tongban.api.rules.v1.field) = {key_pattern: "a"}]; }
"""
FORMAT = rules_pb2.DESCRIPTOR.enum_types_by_name["Format"]
MISFITS = ("LengthOfNumber", "ItemsOfOne", "SmallestText", "PatternOfBytes", "FormatOfMessage", "KeysOfNumbers")

PERSON = Person(name="王示例", resident_id=synthetic_resident_id("320681", 7))
DIGEST = "a" * 64
MATERIAL = CaseMaterial(code="resolution", name="决议", digest=DIGEST, size=5, media_type="application/pdf")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the messages of the contract above, by name."""
    folder = tmp_path_factory.mktemp("contract")
    (folder / "made.proto").write_text(CONTRACT, encoding="utf-8")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-I{PROTOS}"]
    subprocess.run([*command, f"--descriptor_set_out={folder / 'made'}", "made.proto"], check=True)
    (file,) = FileDescriptorSet.FromString((folder / "made").read_bytes()).file
    messages = message_factory.GetMessages([file], descriptor_pool.Default())
    return {name.rpartition(".")[2]: message for name, message in messages.items()}


def submit(**changes: Any) -> SubmitCaseRequest:
    """Return a valid request, changed."""
    valid: dict[str, Any] = {
        "request_id": "hall-1.0001",
        "item_code": "000131001000",
        "deciding_place": "320681",
        "applicant": Party(person=PERSON),
        "form": {"new_address": "启东市"},
        "materials": [MATERIAL],
    }
    return SubmitCaseRequest(**valid | changes)


def settings(made: Any, **changes: Any) -> Message:
    """Return a valid message of the contract above, changed."""
    valid = {"label": "x", "count": 1, "colours": [1, 4], "agreed": True, "letter": "abc"}
    message: Message = made["Settings"](**valid | changes)
    return message


def broken(message: Message) -> tuple[str, str]:
    """Return field and rule of the refusal, after a look at what each refusal must have."""
    with pytest.raises(Refusal) as caught:
        validate(message)
    assert caught.value.code is INVALID_FIELD
    return caught.value.field, caught.value.rule


@pytest.mark.parametrize(
    "message",
    [
        submit(),
        submit(form={}, materials=[]),
        submit(
            applicant=Party(organisation=Organisation(name="示例厂", credit_code=synthetic_credit_code("320681", 1)))
        ),
        Agreement(name="a", parties=["310151", "330100.gjj"]),
        CallContext(),
        CallContext(officer="li\u3000si"),  # no space to \s of RE2
    ],
)
def test_a_valid_message_passes(message: Message) -> None:
    validate(message)


WRONG_CHECK_DIGIT = PERSON.resident_id[:-1] + ("1" if PERSON.resident_id[-1] != "1" else "2")


@pytest.mark.parametrize(
    ("message", "field", "rule"),
    [
        (submit(request_id=""), "request_id", "is required"),
        (submit(request_id="a" * 65), "request_id", "at most 64 characters"),
        (submit(request_id="a b"), "request_id", "must match the regular expression [0-9A-Za-z._-]+"),
        (submit(request_id="a\n"), "request_id", "must match the regular expression [0-9A-Za-z._-]+"),
        (submit(applicant=None), "applicant", "is required"),
        (submit(applicant=Party()), "applicant", "one of person, organisation is required"),
        (submit(applicant=Party(person=Person(name="王示例"))), "applicant.person.resident_id", "is required"),
        (submit(agent=Person(resident_id=PERSON.resident_id)), "agent.name", "is required"),
        (submit(materials=[MATERIAL] * 101), "materials", "at most 100 entries"),
        (submit(form={"new_address": "x" * 1001}), 'form["new_address"]', "at most 1000 characters"),
        (DecideCaseRequest(), "request_id", "is required"),
        (CaseMaterial(code="x", name="n", digest=DIGEST, size=(16 << 30) + 1), "size", "at most 17179869184"),
        (Question(), "message", "is required"),
        (LinkRequest(cancelled=["a", "b" * 121]), "cancelled[1]", "at most 120 characters"),
        (Agreement(name="a", parties=["310151"]), "parties", "at least 2 entries"),
        (
            CaseRow(id="x", intake="310151", handling="320681", items=["1", ""], mode=MODE_ONLINE),
            "items[1]",
            "at least 1 character",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_field(message: Message, field: str, rule: str) -> None:
    assert broken(message) == (field, rule)


@pytest.mark.parametrize(
    ("message", "field", "rule"),
    [
        (
            submit(applicant=Party(person=Person(name="王示例", resident_id=WRONG_CHECK_DIGIT))),
            "applicant.person.resident_id",
            "must be a resident identity number; check digit is ",
        ),
        (submit(deciding_place="32068"), "deciding_place", "must be an administrative division; must be six digits"),
        (
            submit(materials=[MATERIAL, CaseMaterial(code="x", name="n", digest="A" * 64)]),
            "materials[1].digest",
            "must be a SHA-256 digest; must be 64 lower-case",
        ),
        (Agreement(name="a", parties=["310151", ""]), "parties[1]", "must be a member id, as in 310151"),
    ],
)
def test_a_format_says_what_is_wrong_with_the_value(message: Message, field: str, rule: str) -> None:
    found_field, found_rule = broken(message)
    assert (found_field, found_rule[: len(rule)]) == (field, rule)


def test_an_open_choice_at_the_top_goes_by_its_name() -> None:
    request = DecideCaseRequest(request_id="r", case_id=case_id("310151", date(2026, 10, 1), bytes(CASE_TOKEN_BYTES)))
    assert broken(request) == ("decision", "one of request_correction, accept, refuse, approve, reject is required")


@pytest.mark.parametrize("mode", [0, 99])
def test_a_required_enum_names_its_values(mode: Any) -> None:
    row = CaseRow(id="x", intake="310151", handling="320681", items=["1"], mode=mode)
    assert broken(row) == ("mode", "must be one of MODE_ONLINE, MODE_PROXY_INTAKE")


def test_a_refusal_does_not_repeat_a_personal_number() -> None:
    with pytest.raises(Refusal) as caught:
        validate(submit(applicant=Party(person=Person(name="王示例", resident_id=WRONG_CHECK_DIGIT))))
    told = f"{caught.value} {caught.value.message_zh} {caught.value.remedy_zh}"
    assert WRONG_CHECK_DIGIT not in told
    assert WRONG_CHECK_DIGIT[6:14] not in told


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("Neue Adresse", 'form["Neue Adresse"]'),
        ('a"]\n\x1b[31m', 'form["a][31m"]'),
        ("k" * 5000, f'form["{"k" * 40}"]'),
        ("", 'form[""]'),
    ],
)
def test_a_key_is_shown_short_and_printable(key: str, shown: str) -> None:
    assert broken(submit(form={key: "x"})) == (shown, "its key must match the regular expression [a-z][a-z0-9_]{0,63}")


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"level": 0}, "level", "at least 1"),
        ({"level": 6}, "level", "at most 5"),
        ({"label": None}, "label", "is required"),
        ({"label": ""}, "label", "is required"),
        ({"count": 0}, "count", "at least 1"),
        ({"count": -3}, "count", "at least 1"),
        ({"colours": []}, "colours", "is required"),
        ({"colours": [1, 0]}, "colours[1]", "must be one of COLOUR_RED, COLOUR_BLUE"),
        ({"colours": [2]}, "colours[0]", "must be one of COLOUR_RED, COLOUR_BLUE"),
        ({"agreed": False}, "agreed", "is required"),
        ({"letter": None}, "way", "one of letter, pickup is required"),
        ({"letter": ""}, "letter", "is required"),
        ({"letter": "abcd"}, "letter", "at most 3 characters"),
    ],
)
def test_presence_and_emptiness(made: Any, changes: dict[str, Any], field: str, rule: str) -> None:
    assert broken(settings(made, **changes)) == (field, rule)


@pytest.mark.parametrize("changes", [{}, {"level": 1}, {"letter": None, "pickup": False}, {"form": {"abc": ""}}])
def test_what_is_absent_or_chosen_is_right(made: Any, changes: dict[str, Any]) -> None:
    validate(settings(made, **changes))


@pytest.mark.parametrize(
    "wrong", [{"seconds": 253402300800}, {"seconds": -62135596801}, {"nanos": -1}, {"nanos": 10**9}]
)
def test_a_time_outside_the_range_of_its_type_is_refused(made: Any, wrong: dict[str, int]) -> None:
    field, rule = broken(settings(made, until=Timestamp(**wrong)))
    assert (field, rule[:41]) == ("until", "must be a time in the years 1 to 9999, wi")


@pytest.mark.parametrize("edge", [{"seconds": 253402300799, "nanos": 999999999}, {"seconds": -62135596800}])
def test_the_edges_of_time_can_be_converted(made: Any, edge: dict[str, int]) -> None:
    validate(settings(made, until=Timestamp(**edge)))
    assert Timestamp(**edge).ToDatetime().year in {1, 9999}


def test_a_type_that_contains_itself(made: Any) -> None:
    folder = made["Folder"]
    deep = folder(name="a", folders=[folder(name="b"), folder(name="c", by_name={"d": folder(name="toolong")})])
    assert broken(deep) == ('folders[1].by_name["d"].name', "at most 5 characters")
    assert broken(folder(name="a", by_number={7: "long"})) == ("by_number[7]", "at most 3 characters")
    assert broken(folder(name="a", by_number={7: ""})) == ("by_number[7]", "at least 1 character")


@pytest.mark.parametrize("name", MISFITS)
def test_a_rule_that_does_not_fit_is_a_mistake_of_the_contract(made: Any, name: str) -> None:
    for reader in (lambda: rules_of(made[name].DESCRIPTOR), lambda: validate(made[name]())):
        with pytest.raises(ValueError, match=f"{name}.field: the rule .* does not fit"):
            reader()


def test_rules_are_readable_as_data(made: Any) -> None:
    rules = {(rule.field, rule.kind): rule for rule in rules_of(made["Settings"].DESCRIPTOR)}
    name = "tongban_test_rules.v1.Settings"
    assert rules["level", RuleKind.MAX] == FieldRule(name, "level", RuleKind.MAX, 5, "at most 5")
    assert rules["way", RuleKind.CHOICE].bound == "letter, pickup"
    assert rules["form", RuleKind.KEY_PATTERN].bound == "[a-z]+"
    assert rules["until", RuleKind.TIME].bound == ""
    assert [rule.kind for rule in rules_of(Person.DESCRIPTOR) if rule.field == "resident_id"] == [
        RuleKind.REQUIRED,
        RuleKind.FORMAT,
    ]


def test_negatives_of_a_contract_break_all_its_rules(made: Any) -> None:
    folder, way = made["Folder"], {"level": 2, "until": Timestamp(), "form": {"abc": "x"}}
    tree = folder(name="a", folders=[folder(name="b")], by_name={"c": folder(name="d")}, by_number={7: "x"})
    for example in (settings(made, **way), tree):
        found = list(negatives(example))
        assert {negative.rule for negative in found} == set(rules_of(descriptor_of(example)))
        assert [broken(negative.message)[0] for negative in found] == [negative.field for negative in found]


def test_formats_of_contract_and_core_are_the_same() -> None:
    contract = {name.removeprefix("FORMAT_").lower().replace("_", "-") for name in FORMAT.values_by_name}
    assert contract - {"unspecified"} == set(FORMATS) == set(FORMAT_TEXTS)


def test_every_option_of_the_contract_is_a_kind() -> None:
    options = set(rules_pb2.FieldRules.DESCRIPTOR.fields_by_name)
    assert set(RuleKind) - options == {RuleKind.DEFINED, RuleKind.CHOICE, RuleKind.TIME}
    assert options <= set(RuleKind)
