"""Refusals: whole sentences in both languages, and the same on the other side of the wire."""

from string import Formatter

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.core import codes
from tongban.core.codes import CATALOGUE, Code
from tongban.core.errors import MOST_STATUS, Refusal, invalid_field, refusal_of, size_of_status, status_of

CODES = pytest.mark.parametrize("code", CATALOGUE.values(), ids=CATALOGUE)
OWN_WORDS = {"field", "rule", "member", "reference"}
STATUSES = {status.value[0] for status in StatusCode}
SAID = {"member": "310151", "reference": "reference"}
SENTENCES = ("message", "message_zh", "remedy", "remedy_zh")


def facts_named(code: Code, *sentences: str) -> set[str]:
    """Return the words in braces of a code's sentences."""
    texts = [getattr(code, sentence) for sentence in sentences or SENTENCES]
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None}


def example(code: Code) -> Refusal:
    """Return a refusal that gives all facts which its sentences name."""
    facts = {name: f"<{name}>" for name in facts_named(code) - OWN_WORDS}
    return Refusal(code, facts, field="<field>", rule="<rule>", member="310151", reference="reference")


def told(refusal: Refusal) -> list[str]:
    return [refusal.message, refusal.message_zh, refusal.remedy, refusal.remedy_zh]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@CODES
def test_each_code_tells_what_happened_and_what_to_do_in_both_languages(code: Code) -> None:
    for sentence in told(example(code)):
        assert sentence
        assert "{" not in sentence
        assert "}" not in sentence
    assert [is_chinese(sentence) for sentence in told(example(code))] == [False, True, False, True]


@CODES
def test_each_sentence_begins_as_one_and_ends_as_one(code: Code) -> None:
    for sentence in (code.message, code.remedy):
        assert sentence[0].isupper() or sentence.startswith("{")
        assert sentence.endswith((".", "{contact}"))
    for sentence in (code.message_zh, code.remedy_zh):
        assert sentence.endswith(("。", "{contact}"))


@CODES
def test_each_fact_is_told_where_it_is_named(code: Code) -> None:
    refusal = example(code)
    for sentence in SENTENCES:
        for name in facts_named(code, sentence):
            assert SAID.get(name, f"<{name}>") in getattr(refusal, sentence)


@CODES
def test_both_languages_tell_the_same_facts(code: Code) -> None:
    for english in ("message", "remedy"):
        chinese = {name.removesuffix("_zh") for name in facts_named(code, f"{english}_zh")}
        assert facts_named(code, english) == chinese


@CODES
def test_each_code_is_listed_under_its_name_with_a_grpc_status_of_a_failure(code: Code) -> None:
    assert CATALOGUE[code.name] is getattr(codes, code.name) is code
    assert code.status in STATUSES - {0}


def test_what_stays_refused_is_not_to_be_repeated() -> None:
    lasting = {codes.INVALID_ARGUMENT, codes.PERMISSION_DENIED, codes.UNAUTHENTICATED, codes.NOT_FOUND}
    assert [code.name for code in CATALOGUE.values() if code.retryable and code.status in lasting] == []


@CODES
def test_a_refusal_is_the_same_on_the_other_side(code: Code) -> None:
    refusal = example(code)
    there = refusal_of(Status.FromString(status_of(refusal).SerializeToString()))
    assert there.code is code
    assert (there.facts, told(there)) == (refusal.facts, told(refusal))
    assert (there.field, there.rule, there.member, there.reference) == ("<field>", "<rule>", *SAID.values())


@CODES
def test_the_detail_says_all_that_a_program_needs(code: Code) -> None:
    refusal = example(code)
    status, detail = status_of(refusal), ErrorDetail()
    (packed,) = status.details
    assert packed.Unpack(detail)
    assert status.code == code.status
    assert refusal.message in status.message
    assert (detail.code, detail.retryable, dict(detail.facts)) == (code.name, code.retryable, refusal.facts)
    assert [detail.message, detail.message_zh, detail.remedy, detail.remedy_zh] == told(refusal)


@pytest.mark.parametrize(("seconds", "told"), [(0.0, 0.0), (0.25, 0.25), (0.0001, 0.001), (7.0, 7.0), (1e9, 86_400.0)])
def test_when_to_ask_again_is_told_as_retry_info(seconds: float, told: float) -> None:
    status = status_of(Refusal(codes.PEER_BUSY, {"member": "320681"}, retry_seconds=seconds))
    found = [entry for entry in status.details if entry.Is(RetryInfo.DESCRIPTOR)]
    assert len(found) == (1 if seconds else 0)
    assert refusal_of(status_of(refusal_of(status))).retry_seconds == told


@pytest.mark.parametrize(("delay", "told"), [(-1, 0.0), (315_576_000_000, 86_400.0)])
def test_a_time_to_wait_that_is_none_is_not_passed_on(delay: int, told: float) -> None:
    status = status_of(Refusal(codes.PEER_BUSY))
    status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=delay)))
    assert refusal_of(status).retry_seconds == told


NEWER = Code("NEWER_CODE", codes.ABORTED, "A {thing} {odd.}.", "某{thing}。", "Do {it}.", "请{it}。", retryable=True)


def as_told_by_a_newer_node(status_code: int = NEWER.status) -> Status:
    detail = ErrorDetail(
        code=NEWER.name,
        member="320681",
        message=NEWER.message,
        message_zh=NEWER.message_zh,
        remedy=NEWER.remedy,
        remedy_zh=NEWER.remedy_zh,
        retryable=True,
        facts={"thing": "never filled in"},
    )
    status = Status(code=status_code)
    status.details.add().Pack(detail)
    return status


def test_a_code_of_a_newer_version_keeps_its_own_sentences() -> None:
    refusal = refusal_of(as_told_by_a_newer_node())
    assert told(refusal) == [NEWER.message, NEWER.message_zh, NEWER.remedy, NEWER.remedy_zh]
    assert (refusal.code.name, refusal.code.status, refusal.code.retryable) == (NEWER.name, NEWER.status, True)
    assert (refusal.facts, refusal.member) == ({"thing": "never filled in"}, "320681")


def test_a_code_of_a_newer_version_passes_through_hop_by_hop() -> None:
    first = as_told_by_a_newer_node()
    second = status_of(refusal_of(first).at("310151"))
    there, here = ErrorDetail(), ErrorDetail()
    assert first.details[0].Unpack(there)
    assert second.details[0].Unpack(here)
    assert here == there


@pytest.mark.parametrize("status_code", sorted(STATUSES - {0}))
def test_a_code_of_a_newer_version_keeps_its_status(status_code: int) -> None:
    assert refusal_of(as_told_by_a_newer_node(status_code)).code.status == status_code


@pytest.mark.parametrize("status_code", [0, -1, 17, 99])
def test_a_status_that_no_refusal_can_have_is_not_passed_on(status_code: int) -> None:
    assert refusal_of(as_told_by_a_newer_node(status_code)).code.status == codes.INTERNAL_STATUS


def test_a_known_code_keeps_the_status_of_the_catalogue() -> None:
    status = status_of(example(codes.NO_AGREEMENT_ROW))
    status.code = codes.UNAVAILABLE
    assert refusal_of(status).code is codes.NO_AGREEMENT_ROW


def test_the_detail_is_found_among_others() -> None:
    status = status_of(example(codes.CASE_UNKNOWN))
    (ours,) = status.details
    others = [Any(type_url="type.googleapis.com/some.Other", value=b"\xff"), ours]
    assert refusal_of(Status(code=status.code, details=others)).code is codes.CASE_UNKNOWN


def test_a_status_without_our_detail_is_one_of_a_service_and_passes_as_it_is() -> None:
    status = Status(code=codes.ABORTED, message="by a service", details=[Any(type_url="x/y.Z", value=b"\xff")])
    refusal = refusal_of(status)
    assert (refusal.code.name, refusal.code.status) == ("SERVICE_STATUS", codes.ABORTED)
    assert status_of(refusal) == status
    assert "10 by a service" in refusal.message


def test_details_of_a_service_that_are_too_long_to_travel_are_left_out() -> None:
    status = Status(code=codes.ABORTED, message="by a service", details=[Any(value=bytes(5000))])
    assert status_of(refusal_of(status)) == Status(code=codes.ABORTED, message="by a service")


@pytest.mark.parametrize("code", [0, 17, -1])
def test_a_status_that_grpc_does_not_have_is_an_error_inside(code: int) -> None:
    assert refusal_of(Status(code=code)).code is codes.INTERNAL


def test_the_node_at_which_it_arose_is_named_and_those_it_passes_are_not() -> None:
    refusal = Refusal(codes.CASE_UNKNOWN, {"number": "1"})
    arisen = refusal.at("320681")
    assert (refusal.member, arisen.member, arisen.at("310151").member) == ("", "320681", "320681")
    passed_on = refusal_of(status_of(arisen)).at("310151")
    assert (passed_on.member, passed_on.facts, passed_on.code) == ("320681", {"number": "1"}, codes.CASE_UNKNOWN)


def test_a_sentence_tells_the_node_unless_a_fact_names_a_member() -> None:
    assert Refusal(codes.STOPPING).at("310151").message == "The node of 310151 is stopping."
    about_another = Refusal(codes.PEER_UNAVAILABLE, {"member": "320681"}).at("310151")
    assert about_another.message == "The node of 320681 does not answer now."
    assert about_another.member == "310151"


@pytest.mark.parametrize("value", ["{", "}", "{}", "{0}", "{member}", "{rule!r:>9}", "{{x}}", "%s", "\\N{BULLET}"])
def test_braces_in_a_fact_are_told_as_they_are(value: str) -> None:
    refusal = Refusal(codes.FORM_FIELD, {"x": value}, field=value, rule=value)
    there = refusal_of(status_of(refusal))
    assert told(there) == told(refusal)
    assert refusal.message == f"Form field {value} is wrong: {value}."
    newer = Refusal(Code("X", 3, "It is {x}.", "是{x}。", "See {x}.", "见{x}。"), {"x": value})
    sentences = [f"It is {value}.", f"是{value}。", f"See {value}.", f"见{value}。"]
    assert told(refusal_of(status_of(newer))) == told(newer) == sentences


def test_a_fact_that_nobody_gave_is_left_out() -> None:
    code = Code("X", 3, "It is {x}.", "是{x}。", "See there. {y}", "见。{y}")
    assert Refusal(code, {"x": "wrong"}).remedy == "See there."


def test_a_wrong_field_is_told_by_its_path_and_its_rule() -> None:
    refusal = invalid_field("applicant.person.resident_id", "check character is 1, expected X")
    assert str(refusal) == (
        "Field applicant.person.resident_id is wrong: check character is 1, expected X. "
        "Correct the field and send the call again."
    )


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_refusal_fits_into_the_metadata_of_a_call_whatever_its_facts(name: str) -> None:
    facts = {f"fact{number}": "江苏省南通市启东市" * 500 for number in range(40)} | {
        "right": "启东" * 4000,
        "what": "x" * 9000,
    }
    refusal = Refusal(CATALOGUE[name], facts, field="f" * 5000, rule="规则" * 5000).at("320681")
    status = status_of(refusal)
    assert size_of_status(status) < 8_192 - 300  # What gRPC and HTTP/2 add.
    assert refusal_of(status).code is CATALOGUE[name]


UNBOUNDED: dict[str, dict[str, object]] = {
    "code": {"code": "X" * 65},
    "a code that is none": {"code": "see the log"},
    "no code": {"code": ""},
    "member": {"member": "3" * 1000},
    "reference": {"reference": "r" * 65},
    "a reference in words": {"reference": "ask Mr Wang"},
    "field": {"field": "f" * 251},
    "rule": {"rule": "r" * 701},
    "message": {"message": "办" * 234},
    "remedy": {"remedy_zh": "r" * 701},
    "fact": {"facts": {"right": "x" * 251}},
    "a fact's name": {"facts": {"x" * 65: ""}},
    "facts": {"facts": {f"fact{number}": "" for number in range(7)}},
}


@pytest.mark.parametrize("fields", UNBOUNDED.values(), ids=UNBOUNDED)
@pytest.mark.parametrize("name", ["NEWER_CODE", "PEER_BUSY"])
def test_a_detail_that_no_node_makes_is_no_refusal(name: str, fields: dict[str, object]) -> None:
    status = Status(code=codes.ABORTED)
    status.details.add().Pack(ErrorDetail(**{"code": name, **fields}))  # type: ignore[arg-type]
    with pytest.raises(DecodeError):
        refusal_of(status)


def test_a_message_counts_as_it_travels_twice() -> None:
    assert size_of_status(Status(code=5, message="a b%")) == 12 + 6
    assert size_of_status(Status(code=5, message="办")) == 12 + 9
    status = Status(code=5, message="办" * 473)
    assert status.ByteSize() < MOST_STATUS < size_of_status(status)
    assert size_of_status(status_of(refusal_of(status))) <= MOST_STATUS


def test_details_that_are_not_what_their_type_says_are_none() -> None:
    whole = status_of(Refusal(codes.PEER_BUSY, retry_seconds=2.0))
    for place, entry in enumerate(whole.details):
        broken = Status.FromString(whole.SerializeToString())
        broken.details[place].value = entry.value[:-1] + b"\xff"
        assert refusal_of(broken).retry_seconds in (0.0, 2.0)
    assert refusal_of(broken).code is codes.PEER_BUSY
    assert refusal_of(broken).retry_seconds == 0.0
