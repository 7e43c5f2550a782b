"""Shows cases to windows: one, many, one as it moves, and its result."""

from collections.abc import AsyncGenerator

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedEvent
from tongban.core import codes
from tongban.core.case import fold, machine
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Outcome
from tongban.federation.cases.book import CaseBook, Held, signed_event
from tongban.federation.resources import Resources, case_topic

_SOME = 100


class CaseReading:
    """Answers questions about cases."""

    def __init__(self, resources: Resources, book: CaseBook) -> None:
        self._resources = resources
        self._book = book

    async def get(self, caller: Caller, call: Call) -> Outcome:
        """Show a case with its events."""
        held = await self._book.find(decoded(pb.GetCaseRequest, call.body).number)
        summary = await self._book.summary(held)
        return _answer(pb.GetCaseResponse(summary=summary, events=held.events, pending=held.pending))

    async def list(self, caller: Caller, call: Call) -> Outcome:
        """List cases, the ones that changed last first."""
        request = decoded(pb.ListCasesRequest, call.body)
        states = [machine.state_name(state) for state in request.states] or None
        item = request.item_code or None
        rows = await self._resources.store.cases(states=states, item_code=item, limit=request.limit or _SOME)
        held = [one for row in rows if (one := await self._book.held(row.case_id))]
        return _answer(pb.ListCasesResponse(cases=[await self._book.summary(one) for one in held]))

    async def watch(self, caller: Caller, call: Call) -> Outcome:
        """Open a stream of a case's events."""
        request = decoded(pb.WatchCaseRequest, call.body)
        held = await self._book.find(request.case_id)
        return Outcome(stream=self._events(held, request.after))

    async def result(self, caller: Caller, call: Call) -> Outcome:
        """Return the paper that ended a case."""
        held = await self._book.find(decoded(pb.GetResultRequest, call.body).case_id)
        if held.view.result is None:
            facts = {"case_id": held.view.case_id, "state": machine.state_name(held.view.state)}
            raise Refusal(codes.RESULT_NOT_READY, facts)
        return _answer(pb.GetResultResponse(result=held.view.result, state=held.view.state))

    async def _events(self, held: Held, after: int) -> AsyncGenerator[bytes, None]:
        topic, view = case_topic(held.view.case_id), None
        changed = self._resources.wakes.listen(topic)
        try:
            while view is None or not view.closed:
                changed.clear()
                seen = view.sequence if view else 0
                for row in await self._resources.store.events(held.view.case_id, seen):
                    signed = signed_event(row)
                    view = fold.add_event(view, Event.FromString(row.event), row.event, Act.FromString(row.act))
                    if view.sequence > after:
                        yield _update(signed, view, held.row.item_name)
                if view is None or not view.closed:
                    await changed.wait()
        finally:
            self._resources.wakes.forget(topic, changed)


def _update(signed: SignedEvent, view: fold.CaseView, item_name: str) -> bytes:
    summary = fold.summary(view, item_name)
    return pb.WatchCaseResponse(event=signed, summary=summary, sequence=view.sequence).SerializeToString()


def _answer(message: pb.GetCaseResponse | pb.ListCasesResponse | pb.GetResultResponse) -> Outcome:
    return Outcome(message.SerializeToString())
