"""The handling member's side: acts of the intake member arrive, officers decide."""

from collections.abc import Callable

from tongban.api.cases.v1.acts_pb2 import Act, Arrived
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, DecideCaseRequest, DecideCaseResponse
from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest, DeliverActResponse
from tongban.core import codes
from tongban.core.case import fold, record
from tongban.core.case.fold import CaseView
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.identifiers import division_of
from tongban.core.times import moment
from tongban.federation.calls import Call, Caller, Outcome, Step, writes
from tongban.federation.cases import checks, commands, handed_in, rows
from tongban.federation.cases.answers import Answers, answer_of, check_handling
from tongban.federation.cases.book import CaseBook, Held
from tongban.federation.cases.ordering import CaseOrder, NewAct, Ordered
from tongban.federation.resources import OUTBOX, WORK, Resources, case_topic
from tongban.federation.store.units import Insert, Unit


class Handling:
    """Puts acts in order, those that arrive and those of its own officers."""

    def __init__(self, resources: Resources, book: CaseBook, answers: Answers) -> None:
        self._resources = resources
        self._book = book
        self._answers = answers

    async def deliver_act(self, caller: Caller, call: Call) -> Outcome:
        """Take in an act of the intake member; a repeated one gets its recorded answer."""
        signed = decoded(DeliverActRequest, call.body).act
        act = record.believed_act(self._resources.keeper.view, signed)
        if act.author != caller.member:
            raise _invalid(act, f"{caller.member} delivers its own acts only")
        key = f"act/{act.case_id}/{act.author}/{act.number}"
        claim = rows.act_claim(act.case_id, act.author, act.number, signed.act, b"")
        held = await self._book.held(act.case_id)  # First: what a repeat has done to it is then recorded.
        earlier = await commands.recorded(self._resources.store, key, claim.digest)
        if earlier is not None:
            return Outcome(earlier)
        self._check_beginning(act, held)
        ordered = self._arrived(NewAct(act, signed.act, signed.seal), held)
        self._check_content(act, ordered.view)
        answer = DeliverActResponse(sequence=ordered.first).SerializeToString()
        step = ordered.step.then(commands.records(key, claim.digest, answer)).then(_work(ordered))
        return Outcome(answer, step=step, after=self._after(ordered, WORK))

    async def decide(self, caller: Caller, call: Call) -> Outcome:
        """Record what an officer does."""
        request = decoded(DecideCaseRequest, call.body)
        key, digest = commands.request_key(caller, request.request_id), commands.digest_of(call, request)
        held = await self._book.find(request.case_id)  # First, as above.
        earlier = await commands.recorded(self._resources.store, key, digest)
        if earlier is not None:
            return Outcome(earlier)
        check_handling(held, self._resources.member)
        order = CaseOrder(held.ordered, self._resources.member, self._resources.clock())
        await self._answers.put(order, answer_of(request), self.item(held), call.context.officer)
        ordered = order.finish(held.row.item_name, held.row.window)
        summary = fold.summary(ordered.view, held.row.item_name)
        answer = DecideCaseResponse(summary=summary).SerializeToString()
        step = ordered.step.then(commands.records(key, digest, answer))
        if held.view.intake == self._resources.member:
            step = step.then(writes(held.answers_correction()))
        return Outcome(answer, step=step, after=self._after(ordered))

    def item(self, held: Held) -> Item:
        """Return the item of a case as this member publishes it now."""
        return self._published(held.view.received.item_code)

    def _published(self, code: str) -> Item:
        if code not in self._resources.registry.items:
            raise Refusal(codes.ITEM_UNKNOWN, {"item": code})
        return self._resources.registry.items[code].published(division_of(self._resources.member))

    def _check_beginning(self, act: Act, held: Held | None) -> None:
        """Refuse a case that is another's, or that no agreement lets its author take in."""
        if act.WhichOneof("content") != "received" or (held is not None and held.ordered is not None):
            return
        received, member = act.received, self._resources.member
        if received.handling != member:
            raise _invalid(act, f"it is meant for {received.handling}")
        if held is not None and (held.view.intake, held.view.handling) != (act.author, member):
            raise _invalid(act, f"{held.view.intake} took this case in for {held.view.handling}")
        if not act.case_id.startswith(f"{division_of(act.author)}-"):
            raise _invalid(act, "the case id is not one of its author's")
        if not checks.gives_intake_number(act.author, received.intake_number):
            raise _invalid(act, "the intake number is not one of its author's")
        item, view = self._published(received.item_code), self._resources.keeper.view
        checks.case_row(view, act.author, member, item.code, self._resources.clock())

    def _check_content(self, act: Act, view: CaseView) -> None:
        """Refuse what the intake side should not have taken in, by the item as it is now: handlers rely on it."""
        begins = act.HasField("received")
        said, item = act.received if begins else act.supplemented, self._published(view.received.item_code)
        checks.form(item, said.form, whole=begins)
        handed_in.check_asked(item, said.materials)
        checks.assertions(act.received, self._resources.keeper.view, moment(act.time))

    def _arrived(self, new: NewAct, held: Held | None) -> Ordered:
        order = CaseOrder(held.ordered if held else None, self._resources.member, self._resources.clock())
        order.add(new)
        if new.act.HasField("received"):
            order.add_own("", arrived=Arrived())
        item = self._resources.registry.items.get(order.view.received.item_code)
        name = held.row.item_name if held else item.name if item else ""
        return order.finish(name, held.row.window if held else "")

    def _after(self, ordered: Ordered, *topics: str) -> Callable[[], None]:
        view = ordered.view
        return self._resources.waker(f"{OUTBOX}/{view.intake}", case_topic(view.case_id), *topics)


def _work(ordered: Ordered) -> Step:
    if ordered.view.state != CASE_STATE_ARRIVED:
        return Step()
    row = {"case_id": ordered.view.case_id, "sequence": ordered.view.sequence}
    return writes(Unit(operations=(Insert("work", {**row, "not_before": 0, "attempt": 0, "error": ""}),)))


def _invalid(act: Act, rule: str) -> Refusal:
    return Refusal(codes.RECORD_INVALID, {"what": "the act", "case_id": act.case_id}, rule=rule)
