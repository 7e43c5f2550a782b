"""From an answer, of an officer or of an item's handler, to the acts of the handling member that record it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tongban.api.cases.v1 import acts_pb2 as pb
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, DecideCaseRequest
from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.api.common.v1.common_pb2 import Paper
from tongban.core import codes, papers
from tongban.core.calendar import local_day
from tongban.core.case import machine
from tongban.core.errors import Refusal
from tongban.core.identifiers import case_number
from tongban.core.items import Accept, Answer, Approve, Correct, LeaveToOfficer, Refuse, Reject
from tongban.federation.cases.book import Held
from tongban.federation.cases.ordering import CaseOrder
from tongban.federation.cases.serials import Serials
from tongban.federation.cases.wording import deadline, remedy_lines, result_lines
from tongban.federation.resources import Resources


class Answers:
    """Puts answers in order as acts."""

    def __init__(self, resources: Resources, serials: Serials) -> None:
        self._resources = resources
        self._serials = serials

    async def put(self, order: CaseOrder, answer: Answer, item: Item, officer: str) -> None:
        """Put the acts that an answer means next in a case.

        Raises:
            Refusal: CASE_STEP if the case's state does not allow it.
        """
        now = self._resources.clock()
        match answer:
            case Correct(items):
                order.add_own(officer, correction_requested=self._correction(items, item, now))
            case Refuse(reason, right):
                await self._refuse(order, item, officer, now, reason, right)
            case Accept():
                await self._accept(order, item, officer, now)
            case Approve(text):
                await self._decide(order, item, officer, now, pb.OUTCOME_APPROVED, text)
            case Reject(reason):
                await self._decide(order, item, officer, now, pb.OUTCOME_REJECTED, reason)
            case LeaveToOfficer():
                return

    def _correction(self, items: Mapping[str, str], item: Item, now: datetime) -> pb.CorrectionRequested:
        asked = [pb.CorrectionItem(code=code, text=text) for code, text in items.items()]
        day = deadline(self._resources.calendar, now, item.correction_days)
        return pb.CorrectionRequested(items=asked, deadline=day)

    async def _accept(self, order: CaseOrder, item: Item, officer: str, now: datetime) -> None:
        number = await self._case_number(item, now)
        accepted = pb.Accepted(case_number=number)
        if item.promised_days:
            accepted.deadline.CopyFrom(deadline(self._resources.calendar, now, item.promised_days))
        order.add_own(officer, accepted=accepted)

    async def _decide(
        self, order: CaseOrder, item: Item, officer: str, now: datetime, outcome: "pb.Outcome.ValueType", text: str
    ) -> None:
        if order.view.state == CASE_STATE_ARRIVED:
            await self._accept(order, item, officer, now)
        machine.check(machine.STEPS["decided"], order.view.state)
        approved = outcome == pb.OUTCOME_APPROVED
        title = item.result_title if approved else "不予办理决定书"
        result = await self._paper(order, item, title, now, [text] if approved else [text, *remedy_lines(item)])
        order.add_own(officer, decided=pb.Decided(outcome=outcome, reason="" if approved else text, result=result))

    async def _refuse(self, order: CaseOrder, item: Item, officer: str, now: datetime, reason: str, right: str) -> None:
        machine.check(machine.STEPS["not_accepted"], order.view.state)
        told = [reason, *([f"请向有管辖权的机关提出:{right}"] if right else []), *remedy_lines(item)]
        notice = await self._paper(order, item, "不予受理通知书", now, told)
        order.add_own(officer, not_accepted=pb.NotAccepted(reason=reason, right_authority=right, notice=notice))

    async def _paper(self, order: CaseOrder, item: Item, title: str, now: datetime, told: Sequence[str]) -> Paper:
        member = self._resources.member
        lines = result_lines(order.view, item, self._resources.keeper.view.title(member), told, now)
        return await papers.paper(self._resources.signer, member, title, lines)

    async def _case_number(self, item: Item, now: datetime) -> str:
        day, code = local_day(now), item.implementation_code or item.code
        serial = await self._serials.next(f"case/{code}/{day:%Y%m%d}")
        return case_number(code, day, serial)


def answer_of(request: DecideCaseRequest) -> Answer:
    """Return what an officer decided."""
    match request.WhichOneof("decision"):
        case "request_correction":
            return Correct({item.code: item.text for item in request.request_correction.items})
        case "refuse":
            return Refuse(request.refuse.reason, request.refuse.right_authority)
        case "approve":
            return Approve(request.approve.text)
        case "reject":
            return Reject(request.reject.reason)
        case _:
            return Accept()


def check_handling(held: Held, member: str) -> None:
    """Refuse a decision by another member than the one whose matter it is, or before the case has arrived.

    Raises:
        Refusal: CASE_STEP.
    """
    facts = {"step": "a decision", "step_zh": "作出决定", "state": machine.state_name(held.view.state)}
    if held.view.handling != member:
        raise Refusal(codes.CASE_STEP, facts, rule=f"only {held.view.handling} decides this case")
    if held.ordered is None:
        raise Refusal(codes.CASE_STEP, facts, rule="a case is decided after its arrival")
