"""Requests that are wrong: each is refused by a named code, leaves nothing behind, and stands in the evidence."""

from collections.abc import Callable, Iterator

import pytest

from tongban.core import Party, Refusal, codes
from tongban.core.client import Client
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.testing.federation import Federation

from .looking import Log, nothing_done, refusal_of
from .people import (
    AGENT,
    APPLICANT,
    BORROWER,
    CHONGMING,
    CREDIT,
    FIRM,
    HANGZHOU,
    HEFEI,
    IDENTITY,
    ITEM,
    LOAN_ITEM,
    PURPOSE,
    QIDONG,
)

OpenWindow = Callable[[str], Client]


def wrong_digit(party: Party) -> Party:
    """Return a party whose number has a wrong check digit."""
    last = "0" if party.number[-1] != "0" else "1"
    return Party(party.name, party.number[:-1] + last, party.is_organisation)


class TestACase:
    @pytest.fixture(autouse=True)
    def _nothing_done(self, federation: Federation) -> Iterator[None]:
        with nothing_done(federation, CHONGMING, QIDONG, HANGZHOU):
            yield

    @pytest.mark.parametrize(
        ("applicant", "agent", "field"),
        [
            (wrong_digit(FIRM), AGENT, "applicant.organisation.credit_code"),
            (FIRM, wrong_digit(AGENT), "agent.resident_id"),
            (wrong_digit(APPLICANT), None, "applicant.person.resident_id"),
        ],
    )
    def test_with_a_wrong_check_digit(
        self, federation: Federation, clerk: Client, applicant: Party, agent: Party | None, field: str
    ) -> None:
        log = Log(federation, CHONGMING)
        refusal = refusal_of(
            lambda: clerk.submit(ITEM, deciding_place="320681", applicant=applicant, agent=agent), codes.INVALID_FIELD
        )
        assert refusal.field == field
        assert "check" in refusal.rule
        assert applicant.number not in str(refusal)
        assert log.codes("SubmitCase") == ["INVALID_FIELD"]

    def test_of_an_item_that_nobody_publishes(self, federation: Federation, clerk: Client) -> None:
        log = Log(federation, CHONGMING)
        refusal = refusal_of(
            lambda: clerk.submit("00013112799999", deciding_place="320681", applicant=FIRM), codes.ITEM_UNKNOWN
        )
        assert "tongban catalogue list" in refusal.remedy
        assert log.codes("SubmitCase") == ["ITEM_UNKNOWN"]

    @pytest.mark.parametrize(("place", "to"), [("320681", HANGZHOU), ("320681", "999999")])
    def test_for_the_wrong_authority_is_told_the_right_one(self, clerk: Client, place: str, to: str) -> None:
        refusal = refusal_of(
            lambda: clerk.submit(ITEM, deciding_place=place, applicant=FIRM, agent=AGENT, to=to),
            codes.WRONG_AUTHORITY,
        )
        assert refusal.facts["right_member"] == QIDONG
        assert "江苏启东(320681)" in refusal.message

    def test_at_a_place_that_no_member_handles(self, clerk: Client) -> None:
        refusal = refusal_of(
            lambda: clerk.submit(ITEM, deciding_place="330106", applicant=FIRM, agent=AGENT), codes.WRONG_AUTHORITY
        )
        assert "江苏启东(320681)" in refusal.message
        assert refusal.facts["right_member"] == ""

    def test_that_no_agreement_row_allows(self, federation: Federation, window: OpenWindow) -> None:
        log = Log(federation, QIDONG)
        refusal = refusal_of(
            lambda: window(QIDONG).submit(LOAN_ITEM, deciding_place="330100", applicant=BORROWER),
            codes.NO_AGREEMENT_ROW,
        )
        assert refusal.facts["row"] == f"case from {QIDONG} to {HANGZHOU}, item {LOAN_ITEM}"
        assert log.codes("SubmitCase") == ["NO_AGREEMENT_ROW"]

    def test_with_a_form_that_the_item_does_not_have(self, clerk: Client) -> None:
        refusal = refusal_of(
            lambda: clerk.submit(
                ITEM, deciding_place="320681", applicant=FIRM, agent=AGENT, form={"new_address": "", "colour": "x"}
            ),
            codes.FORM_FIELD,
        )
        assert refusal.field == "form.colour"

    def test_that_nobody_knows(self, clerk: Client) -> None:
        assert refusal_of(lambda: clerk.case("SJ-310151-20261122-9999"), codes.CASE_UNKNOWN).member == CHONGMING


class TestALookUp:
    def test_with_a_wrong_check_digit_is_refused_where_it_is_answered(
        self, federation: Federation, window: OpenWindow
    ) -> None:
        here, there = Log(federation, QIDONG), Log(federation, CHONGMING)
        person = wrong_digit(AGENT)
        refusal = refusal_of(
            lambda: window(QIDONG).verify_person(person.name, person.number, to=CHONGMING, purpose=PURPOSE),
            codes.INVALID_FIELD,
        )
        assert (refusal.field, refusal.member) == ("party.person.resident_id", CHONGMING)
        assert here.codes(IDENTITY) == there.codes(IDENTITY) == ["INVALID_FIELD"]

    def test_of_a_member_that_the_directory_does_not_list(self, federation: Federation, clerk: Client) -> None:
        log = Log(federation, CHONGMING)
        refusal = refusal_of(
            lambda: clerk.verify_person(AGENT.name, AGENT.number, to="999999", purpose=PURPOSE), codes.MEMBER_UNKNOWN
        )
        assert "999999" in refusal.message
        assert "tongban member list" in refusal.remedy
        assert log.codes(IDENTITY) == ["MEMBER_UNKNOWN"]

    def test_of_a_member_that_does_not_answer_such(self, clerk: Client) -> None:
        refusal = refusal_of(
            lambda: clerk.verify_person(AGENT.name, AGENT.number, to=HANGZHOU, purpose=PURPOSE), codes.METHOD_UNKNOWN
        )
        assert HANGZHOU in refusal.message

    @pytest.mark.parametrize(
        ("asking", "purpose"), [(HANGZHOU, PURPOSE), (QIDONG, "随便看看")], ids=["no agreement", "other purpose"]
    )
    def test_that_no_agreement_row_allows_stands_in_both_logs(
        self, federation: Federation, window: OpenWindow, asking: str, purpose: str
    ) -> None:
        here, there = Log(federation, asking), Log(federation, CHONGMING)
        refusal = refusal_of(
            lambda: window(asking).verify_person(AGENT.name, AGENT.number, to=CHONGMING, purpose=purpose),
            codes.NO_AGREEMENT_ROW,
        )
        row = f'lookup from {asking} to {CHONGMING}, method {IDENTITY}, purpose "{purpose}"'
        assert (refusal.facts["row"], refusal.member) == (row, CHONGMING)
        for log in (here, there):
            [record] = log.records(IDENTITY)
            assert (record.error_code, record.agreement_row) == ("NO_AGREEMENT_ROW", row)

    def test_without_a_purpose(self, clerk: Client) -> None:
        refusal = refusal_of(lambda: clerk.query_credit(FIRM.number, to=QIDONG), codes.PURPOSE_MISSING)
        assert refusal.field == "purpose"

    def test_of_a_source_that_the_own_member_lacks(self, clerk: Client) -> None:
        refusal_of(lambda: clerk.query_credit(FIRM.number, purpose=PURPOSE), codes.SOURCE_MISSING)

    def test_whose_answer_no_message_can_hold(self, federation: Federation, clerk: Client) -> None:
        log = Log(federation, HEFEI)
        code = synthetic_credit_code("340100", 3)
        refusal = refusal_of(lambda: clerk.query_credit(code, to=HEFEI, purpose=PURPOSE), codes.TOO_LARGE)
        assert (refusal.member, refusal.facts["limit"]) == (HEFEI, "4194304")
        assert log.codes(CREDIT) == ["TOO_LARGE"]
        assert not clerk.query_credit(synthetic_credit_code("340100", 0), to=HEFEI, purpose=PURPOSE).records


def test_a_look_up_may_have_a_large_answer(clerk: Client) -> None:
    answer = clerk.query_credit(synthetic_credit_code("340100", 2), to=HEFEI, purpose=PURPOSE)
    assert len(answer.records) == 3_000


def test_a_refusal_in_chinese_says_what_to_do(clerk: Client) -> None:
    with pytest.raises(Refusal) as caught:
        clerk.submit("00013112799999", deciding_place="320681", applicant=FIRM)
    assert caught.value.message_zh == "没有成员发布编码为 00013112799999 的事项。"
    assert "ListItems" in caught.value.remedy_zh
