"""Acts and events made by hand, sealed with a member's own key."""

from datetime import datetime
from typing import Any

from tongban.api.cases.v1.acts_pb2 import Accepted, Act, Event, Received, SignedAct, SignedEvent
from tongban.core.calendar import local_day
from tongban.core.case import record
from tongban.core.case.fold import CaseView, add_event
from tongban.core.identifiers import CASE_TOKEN_BYTES, case_id
from tongban.core.sealing import seal_all
from tongban.core.signing import Signer
from tongban.core.times import timestamp

from .calls import APPLICANT
from .laid_out import CHONGMING, DESK_ITEM, NOW, QIDONG


def new_case_id(member: str = CHONGMING, serial: int = 1) -> str:
    return case_id(member, local_day(NOW), serial.to_bytes(CASE_TOKEN_BYTES, "big"))


def received(**changes: Any) -> Received:
    """Return what 崇明 says when it takes a matter in for 启东."""
    plain = {
        "handling": QIDONG,
        "item_code": DESK_ITEM,
        "item_version": 1,
        "deciding_place": QIDONG,
        "intake_number": "SJ-310151-20261012-9001",
        "applicant": APPLICANT,
        "form": {"new_address": "汇龙镇人民路 1 号"},
        "agreement_row": "agreement/310151/320681/registration#registration",
    }
    return Received(**{**plain, **changes})


def act(author: str = CHONGMING, number: int = 1, case: str = "", at: datetime = NOW, **content: Any) -> Act:
    """Return an act; an intake unless another content is given."""
    said = content or {"received": received()}
    return Act(case_id=case or new_case_id(), author=author, number=number, time=timestamp(at), **said)


async def sealed(signer: Signer, one: Act) -> SignedAct:
    data = one.SerializeToString()
    (seal,) = await seal_all(signer, [record.act_leaf(data)])
    return SignedAct(act=data, seal=seal)


async def ordered(signer: Signer, view: CaseView | None, signed: SignedAct, **changes: Any) -> SignedEvent:
    """Return the event that puts an act next in a case; fields of it can be others than the right ones."""
    event = record.next_event(view, Act.FromString(signed.act), signed.act, timestamp(NOW))
    event.MergeFrom(Event(**changes))
    data = event.SerializeToString()
    (seal,) = await seal_all(signer, [record.event_leaf(data)])
    return SignedEvent(event=data, seal=seal, act=signed)


def after(view: CaseView | None, signed: SignedEvent) -> CaseView:
    """Return a case after one more event."""
    return add_event(view, Event.FromString(signed.event), signed.event, Act.FromString(signed.act.act))


ACCEPTED = Accepted(case_number="00013112700402-20261012-0001")
