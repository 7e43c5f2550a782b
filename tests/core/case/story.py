"""What the tests of the case tell their cases with: two members, their keys, and the content of each step."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from google.protobuf.message import Message

from tongban.api.cases.v1.acts_pb2 import (
    OUTCOME_APPROVED,
    OUTCOME_REJECTED,
    Accepted,
    Act,
    Arrived,
    CaseMaterial,
    CorrectionItem,
    CorrectionRequested,
    Deadline,
    Decided,
    Event,
    NotAccepted,
    Received,
    SignedAct,
    SignedEvent,
    Supplemented,
)
from tongban.api.common.v1.common_pb2 import Paper, Party, Person
from tongban.core.case import record
from tongban.core.case.fold import CaseView, add_event
from tongban.core.identifiers import CASE_TOKEN_BYTES, case_id, synthetic_resident_id
from tongban.core.sealing import KeyRing, seal_all
from tongban.core.signing import LocalSigner, generate_key
from tongban.core.times import timestamp

INTAKE, HANDLING, OTHER = "310151", "320681", "330100.gjj"
DAY = date(2026, 10, 1)
CASE, OTHER_CASE = (case_id(INTAKE, DAY, bytes([token]) * CASE_TOKEN_BYTES) for token in (1, 2))

SIGNERS = {member: LocalSigner(generate_key()) for member in (INTAKE, HANDLING, OTHER)}
KEYS = KeyRing({(member, signer.public_key.key_id): signer.public_key for member, signer in SIGNERS.items()})


def material(code: str, text: str) -> CaseMaterial:
    digest = sha256(text.encode()).hexdigest()
    return CaseMaterial(code=code, name=f"{text}.pdf", digest=digest, size=5, media_type="application/pdf")


def _paper(title: str) -> Paper:
    return Paper(title=title, media_type="text/plain", content=b"x", issuer=HANDLING, key_id="k", signature=b"s")


STEPS: dict[str, Message] = {
    "received": Received(
        handling=HANDLING,
        item_code="00013112700402",
        item_version=1,
        deciding_place="320681",
        intake_number="SJ-310151-20261001-0001",
        applicant=Party(person=Person(name="王示例", resident_id=synthetic_resident_id("320681", 7))),
        form={"new_address": "启东市某路1号", "phone": "0"},
        materials=[material("application", "first")],
        agreement_row="agreement/310151/320681/registration#change",
    ),
    "arrived": Arrived(),
    "correction_requested": CorrectionRequested(
        items=[CorrectionItem(code="resolution", text="请补交决议")], deadline=Deadline(day="2026-10-15")
    ),
    "supplemented": Supplemented(
        materials=[material("application", "second"), material("resolution", "first")], form={"phone": "1"}
    ),
    "accepted": Accepted(case_number="BJ-1", deadline=Deadline(day="2026-11-02", working_days=15)),
    "not_accepted": NotAccepted(reason="申请事项依法不需要取得行政许可", notice=_paper("不予受理通知书")),
    "approved": Decided(outcome=OUTCOME_APPROVED, result=_paper("准予决定书")),
    "rejected": Decided(outcome=OUTCOME_REJECTED, reason="不符合法定条件", result=_paper("不予许可决定书")),
}
"""The content of each step; the two ways in which a decision may go are two steps here."""

BY_INTAKE = frozenset({"received", "supplemented"})


def author_of(step: str) -> str:
    return INTAKE if step in BY_INTAKE else HANDLING


def act_of(step: str, number: int, author: str | None = None, case: str = CASE) -> Act:
    """Return an act that takes a step; who takes it usually is its author, unless told otherwise."""
    act = Act(case_id=case, author=author or author_of(step), number=number, officer="li")
    act.time.CopyFrom(timestamp(datetime(2026, 10, 1, 9, tzinfo=UTC) + timedelta(minutes=number)))
    content = "decided" if step in ("approved", "rejected") else step
    getattr(act, content).CopyFrom(STEPS[step])
    return act


def sign_act(act: Act | bytes, author: str) -> SignedAct:
    data = act if isinstance(act, bytes) else act.SerializeToString(deterministic=True)
    (seal,) = asyncio.run(seal_all(SIGNERS[author], [record.act_leaf(data)]))
    return SignedAct(act=data, seal=seal)


def sign_event(event: Event | bytes, act: SignedAct, member: str = HANDLING) -> SignedEvent:
    data = event if isinstance(event, bytes) else event.SerializeToString(deterministic=True)
    (seal,) = asyncio.run(seal_all(SIGNERS[member], [record.event_leaf(data)]))
    return SignedEvent(event=data, seal=seal, act=act)


def event_of(view: CaseView | None, act: SignedAct) -> Event:
    """Return the event that puts an act next in a case, whatever the act is."""
    return record.next_event(view, Act.FromString(act.act), act.act, timestamp(datetime(2026, 10, 1, 10, tzinfo=UTC)))


def put(view: CaseView | None, act: Act, member: str = HANDLING) -> SignedEvent:
    """Return the signed event that puts an act next in a case."""
    signed = sign_act(act, act.author)
    return sign_event(event_of(view, signed), signed, member)


def told(*steps: str) -> list[SignedEvent]:
    """Return the events of a case in which these steps were taken, each by who takes it."""
    events: list[SignedEvent] = []
    view: CaseView | None = None
    for step in steps:
        number = view.next_number(author_of(step)) if view else 1
        events.append(put(view, act_of(step, number)))
        view = after(events[-1:], view)
    return events


def after(events: Iterable[SignedEvent], view: CaseView | None = None) -> CaseView | None:
    """Return a case after these events, none of them checked."""
    for signed in events:
        view = add_event(view, Event.FromString(signed.event), signed.event, Act.FromString(signed.act.act))
    return view


def case_after(*steps: str) -> CaseView:
    """Return the case in which these steps were taken."""
    view = after(told(*steps))
    assert view is not None
    return view
