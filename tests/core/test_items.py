"""Items as plugins declare them and as a catalogue lists them."""

from pathlib import Path

import pytest

from tongban.api.catalogue.v1 import catalogue_pb2 as pb
from tongban.api.rules.v1.rules_pb2 import FORMAT_DATE, FORMAT_UNSPECIFIED
from tongban.core import (
    Answer,
    Approve,
    Case,
    DecidingFact,
    Field,
    Item,
    ItemType,
    LeaveToOfficer,
    Material,
    Party,
    Reject,
    Required,
)
from tongban.core.identifiers.formats import FORMATS
from tongban.core.rules import validate

CASE = Case(
    case_id="a case",
    key="a key",
    item_code="A-1",
    intake="310151",
    applicant=Party("王示例", "0"),
    agent=None,
    form={},
    materials=[Material("application", "申请书", "0" * 64, 1, "application/pdf", Path("application.pdf"))],
)


def little(kind: ItemType = ItemType.OTHER, fact: DecidingFact = DecidingFact.HOUSEHOLD) -> Item:
    return Item("A-1", "开具证明", kind, fact, "证明")


def test_what_an_item_leaves_out_has_a_meaning() -> None:
    assert little().published("330100") == pb.Item(
        code="A-1",
        name="开具证明",
        version=1,
        type=pb.ITEM_TYPE_OTHER,
        promise=pb.PROMISE_INSTANT,
        correction_days=5,
        deciding_fact=pb.DECIDING_FACT_HOUSEHOLD,
        places=["330100"],
        result_title="证明",
    )


def test_an_item_is_listed_with_all_that_it_declares() -> None:
    item = Item(
        code="A-2",
        name="变更登记",
        type=ItemType.ADMINISTRATIVE_LICENCE,
        deciding_fact=DecidingFact.REGISTRATION,
        result_title="准予变更登记通知书",
        form=[Field("phone", "电话"), Field("until", "截止日期", required=False, max_len=10, format="date")],
        materials=[
            Required("application", "申请书"),
            Required("resolution", "决议", required=False, max_bytes=1 << 30, media_types=["application/pdf"]),
        ],
        version=3,
        promised_days=15,
        correction_days=7,
        places=["330102", "330105"],
        implementation_code="IMPL-1",
    )
    published = item.published("330100")
    validate(published)
    assert published == pb.Item(
        code="A-2",
        name="变更登记",
        version=3,
        type=pb.ITEM_TYPE_ADMINISTRATIVE_LICENCE,
        promise=pb.PROMISE_WORKING_DAYS,
        promised_days=15,
        correction_days=7,
        deciding_fact=pb.DECIDING_FACT_REGISTRATION,
        places=["330102", "330105"],
        form=[
            pb.FormField(name="phone", label="电话", required=True, max_len=1000, format=FORMAT_UNSPECIFIED),
            pb.FormField(name="until", label="截止日期", required=False, max_len=10, format=FORMAT_DATE),
        ],
        materials=[
            pb.MaterialRequirement(code="application", name="申请书", required=True, max_bytes=20 << 20),
            pb.MaterialRequirement(
                code="resolution", name="决议", required=False, max_bytes=1 << 30, media_types=["application/pdf"]
            ),
        ],
        result_title="准予变更登记通知书",
        implementation_code="IMPL-1",
    )


def test_every_type_and_every_deciding_fact_of_the_contract_can_be_declared() -> None:
    types = {little(kind=one).published("330100").type for one in ItemType}
    facts = {little(fact=one).published("330100").deciding_fact for one in DecidingFact}
    assert types == set(pb.ItemType.values()) - {pb.ITEM_TYPE_UNSPECIFIED}
    assert facts == set(pb.DecidingFact.values()) - {pb.DECIDING_FACT_UNSPECIFIED}


@pytest.mark.parametrize("name", FORMATS)
def test_every_named_format_can_be_asked_of_a_field(name: str) -> None:
    item = little()
    item.form = [Field("a", "甲", format=name)]
    validate(item.published("330100"))


def test_a_format_that_does_not_exist_is_named() -> None:
    item = little()
    item.form = [Field("a", "甲", format="identity-number")]
    with pytest.raises(ValueError, match="FORMAT_IDENTITY_NUMBER"):
        item.published("330100")


def test_an_item_without_a_handler_is_left_to_officers() -> None:
    assert little().answer(CASE) == LeaveToOfficer()


async def test_a_handler_is_plain_or_async_and_stays_a_function() -> None:
    plain, later = little(), little()

    @plain.handler
    def approve(case: Case) -> Answer:
        return Approve(case.applicant.name)

    @later.handler
    async def reject(case: Case) -> Answer:
        return Reject(case.materials[0].name)

    assert plain.answer is approve
    assert plain.answer(CASE) == Approve("王示例")
    answer = later.answer(CASE)
    assert not isinstance(answer, Answer)
    assert await answer == Reject("申请书")


def test_the_handler_of_one_item_is_not_that_of_another() -> None:
    one, other = little(), little()
    one.handler(lambda case: Approve("x"))
    assert other.answer(CASE) == LeaveToOfficer()
