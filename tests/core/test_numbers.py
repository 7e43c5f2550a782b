"""收件编号, 业务协同编号, 办件编号 and 实施编码."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tongban.core.identifiers import (
    CASE_TOKEN_BYTES,
    MAX_NUMBER_LENGTH,
    case_id,
    case_number,
    check_case_id,
    implementation_code,
    intake_number,
)

DAY = date(2026, 11, 21)
NATIONAL_CODE = "11440232MB2D06811W4000117051000"
LONGEST_MEMBER = "330100.0123456789abcdef"

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
members = st.from_regex(r"[0-9]{6}(\.[a-z0-9]{1,16})?", fullmatch=True)
tokens = st.binary(min_size=CASE_TOKEN_BYTES, max_size=CASE_TOKEN_BYTES)
case_ids = st.builds(case_id, members, days, tokens)
codes = st.one_of(
    st.just(NATIONAL_CODE),
    st.text(string.digits + string.ascii_uppercase + "-", min_size=1, max_size=60),
    st.text(string.digits, min_size=25, max_size=45),
)


def test_intake_number_reads_as_on_a_receipt() -> None:
    assert intake_number("310151", DAY, 1) == "SJ-310151-20261121-0001"
    assert intake_number("330100.gjj", DAY, 12345) == "SJ-330100.gjj-20261121-12345"


def test_intake_number_uses_up_its_length_and_then_refuses() -> None:
    assert len(intake_number(LONGEST_MEMBER, DAY, 10**14 - 1)) == MAX_NUMBER_LENGTH
    with pytest.raises(ValueError, match=r"^serial: .* longer than 50 characters"):
        intake_number(LONGEST_MEMBER, DAY, 10**14)


@pytest.mark.parametrize(
    ("member", "serial", "field"), [("31015", 1, "member"), ("310151", 0, "serial"), ("310151", -1, "serial")]
)
def test_intake_number_names_the_wrong_argument(member: str, serial: int, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        intake_number(member, DAY, serial)


def test_case_id_has_division_day_token_and_check_character() -> None:
    assert case_id("330100.gjj", DAY, b"0123456789") == "330100-20261121-GAYTEMZUGU3DOOBZT"


@given(case_ids)
def test_case_ids_pass_their_check(number: str) -> None:
    assert check_case_id(number) is None
    assert len(number) == 33


@given(case_ids, st.data())
def test_any_mistyped_character_of_a_case_id_is_noticed(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    typed = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-. "))
    mistyped = number[:place] + typed + number[place + 1 :]
    assert (check_case_id(mistyped) is None) == (mistyped == number)


def test_wrong_case_ids_are_told_why() -> None:
    form = "must be six digits, eight digits and 17 capital letters or digits, joined by hyphens"
    assert check_case_id("330100-20261121-GAYTEMZUGU3DOOBZX") == "check character is X, expected T"
    assert check_case_id("330100-20261121-gayTEMZUGU3DOOBZT") == form
    assert check_case_id("33010020261121GAYTEMZUGU3DOOBZT") == form
    assert check_case_id("") == form


@pytest.mark.parametrize("token", [b"", b"short", b"eleven bytes"])
def test_case_id_wants_all_its_randomness(token: bytes) -> None:
    with pytest.raises(ValueError, match=r"^token: must be 10 bytes"):
        case_id("310151", DAY, token)


def test_case_id_refuses_a_malformed_member() -> None:
    with pytest.raises(ValueError, match=r"^member: must be six digits"):
        case_id("310151.GJJ", DAY, bytes(CASE_TOKEN_BYTES))


def test_implementation_code_is_body_level_and_item() -> None:
    assert implementation_code("11440232MB2D06811W", 4, "000117051000") == NATIONAL_CODE


def test_implementation_code_of_a_handling_item_is_that_of_its_item() -> None:
    code = implementation_code("11440232MB2D06811W", 4, "00013112700402")
    assert code == "11440232MB2D06811W4000131127004"


@pytest.mark.parametrize(
    ("credit_code", "level", "item_code", "reason"),
    [
        ("11440232MB2D06811X", 4, "000117051000", "credit_code: check character"),
        ("11440232MB2D06811W", 0, "000117051000", "level: must be from 1"),
        ("11440232MB2D06811W", 8, "000117051000", "level: must be from 1"),
        ("11440232MB2D06811W", 4, "0001170510", "item_code: must be 12"),
        ("11440232MB2D06811W", 4, "0001170510001", "item_code: must be 12"),
        ("11440232MB2D06811W", 4, "000117051000AB", "item_code: must be 12"),
    ],
)
def test_implementation_code_names_the_wrong_argument(
    credit_code: str, level: int, item_code: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^{reason}"):
        implementation_code(credit_code, level, item_code)


def test_case_number_in_national_form_is_the_published_sample() -> None:
    number = case_number(NATIONAL_CODE, date(2020, 10, 20), 8)
    assert number == "11440232MB2D06811W4000117051000" + "20201020" + "0008"
    assert len(number) == 43


def test_case_number_grows_beyond_9999_until_50_characters() -> None:
    assert case_number(NATIONAL_CODE, DAY, 10_000).endswith("2026112110000")
    assert len(case_number(NATIONAL_CODE, DAY, 10**11 - 1)) == MAX_NUMBER_LENGTH
    with pytest.raises(ValueError, match=r"^serial: .* longer than 50 characters"):
        case_number(NATIONAL_CODE, DAY, 10**11)


def test_case_number_with_another_implementation_code_is_joined_by_hyphens() -> None:
    assert case_number("511A0138000000", DAY, 8) == "511A0138000000-20261121-0008"


def test_case_number_shortens_an_implementation_code_that_does_not_fit() -> None:
    sichuan = "511A0138000000-511602000000-000-{}-1-00"
    first, second = (case_number(sichuan.format(body), DAY, 8) for body in ("11440232MB2D06811W", "12441500196720244T"))
    assert first.startswith("511A0138000000-5~")
    assert first.endswith("-20261121-0008")
    assert first != second
    assert len(case_number(sichuan, DAY, 9_999_999)) == MAX_NUMBER_LENGTH


@given(st.lists(st.tuples(codes, days, st.integers(1, 99_999)), min_size=2, max_size=6, unique=True))
def test_case_numbers_are_unique_within_50_characters(cases: list[tuple[str, date, int]]) -> None:
    numbers = {case_number(*case) for case in cases}
    assert len(numbers) == len(cases)
    assert max(map(len, numbers)) <= MAX_NUMBER_LENGTH


@pytest.mark.parametrize(
    ("code", "serial", "field"),
    [("", 1, "implementation_code"), (NATIONAL_CODE, 0, "serial"), ("511A", 10**7 * 10**30, "serial")],
)
def test_case_number_names_the_wrong_argument(code: str, serial: int, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        case_number(code, DAY, serial)
