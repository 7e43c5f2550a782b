"""The intake member's side: cases are taken in 收件 and supplemented 补正, also while the handling side is down."""

import secrets
from collections.abc import Callable, Iterable

from tongban.api.cases.v1 import acts_pb2 as acts
from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.core import codes, papers
from tongban.core.calendar import local_day
from tongban.core.case import fold, machine, record
from tongban.core.case.fold import CaseView
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.identifiers import CASE_TOKEN_BYTES, case_id, intake_number
from tongban.core.times import micros, timestamp
from tongban.federation.calls import Call, Caller, Outcome, Step, writes
from tongban.federation.cases import checks, commands, handed_in, rows
from tongban.federation.cases.book import CaseBook
from tongban.federation.cases.ordering import NewAct, new_act, own_act
from tongban.federation.cases.serials import Serials
from tongban.federation.cases.wording import receipt_lines
from tongban.federation.locate import authority
from tongban.federation.materials.kept import Materials
from tongban.federation.resources import OUTBOX, Resources, case_topic
from tongban.federation.store.units import Unit


class Intake:
    """Takes cases in."""

    def __init__(self, resources: Resources, book: CaseBook, materials: Materials, serials: Serials) -> None:
        self._resources = resources
        self._book = book
        self._materials = materials
        self._serials = serials

    async def submit(self, caller: Caller, call: Call) -> Outcome:
        """Take a case in and answer with its receipt; it travels to the handling member by itself."""
        request = decoded(pb.SubmitCaseRequest, call.body)
        key, digest = commands.request_key(caller, request.request_id), commands.digest_of(call, request)
        earlier = await commands.recorded(self._resources.store, key, digest)
        if earlier is not None:
            return Outcome(earlier)
        act, item = await self._received(request, call)
        answer = await self._answer(act, item)
        view = fold.begin(act)
        step = self._step(view, new_act(act), item.name, caller.window)
        answered = answer.SerializeToString()
        step = step.then(handed_in.names(request.materials, view.case_id)).then(commands.records(key, digest, answered))
        return Outcome(answered, step=step, after=self._after(view, request.materials))

    async def supplement(self, caller: Caller, call: Call) -> Outcome:
        """Take in what a correction asked for."""
        request = decoded(pb.SupplementCaseRequest, call.body)
        key, digest = commands.request_key(caller, request.request_id), commands.digest_of(call, request)
        held = await self._book.find(request.case_id)  # First: what a repeat has done to it is then recorded.
        earlier = await commands.recorded(self._resources.store, key, digest)
        if earlier is not None:
            return Outcome(earlier)
        new = await self._supplement(request, held.view, call.context.officer)
        view = fold.add(held.view, new.act)
        answer = pb.SupplementCaseResponse(summary=fold.summary(view, held.row.item_name)).SerializeToString()
        step = self._step(view, new, held.row.item_name, held.row.window).then(writes(held.answers_correction()))
        step = step.then(handed_in.names(request.materials, view.case_id)).then(commands.records(key, digest, answer))
        return Outcome(answer, step=step, after=self._after(view, request.materials))

    async def _received(self, request: pb.SubmitCaseRequest, call: Call) -> tuple[acts.Act, Item]:
        view, member, now = self._resources.keeper.view, self._resources.member, self._resources.clock()
        handling, item = authority(view, request.item_code, request.deciding_place, call.context.to)
        row = checks.case_row(view, member, handling, item.code, now)
        self._resources.outbox.check(handling)
        checks.form(item, request.form, whole=True)
        handed_in.check_asked(item, request.materials)
        await handed_in.check_uploaded(request.materials, self._materials)
        checks.assertions(request, view, now)
        day = local_day(now)
        serial = await self._serials.next(f"intake/{day:%Y%m%d}")
        received = acts.Received(
            handling=handling,
            item_code=item.code,
            item_version=item.version,
            deciding_place=request.deciding_place,
            intake_number=intake_number(member, day, serial),
            applicant=request.applicant,
            agent=request.agent if request.HasField("agent") else None,
            form=request.form,
            materials=request.materials,
            assertions=request.assertions,
            agreement_row=row,
        )
        number = case_id(member, day, secrets.token_bytes(CASE_TOKEN_BYTES))
        officer, time = call.context.officer, timestamp(now)
        return acts.Act(case_id=number, author=member, number=1, time=time, officer=officer, received=received), item

    async def _answer(self, act: acts.Act, item: Item) -> pb.SubmitCaseResponse:
        received, view = act.received, self._resources.keeper.view
        numbers = [("收件编号", received.intake_number), ("业务协同编号", act.case_id)]
        numbers += [("收件机关", view.title(act.author)), ("办理机关", view.title(received.handling))]
        lines = receipt_lines(numbers, received.applicant, item, received.materials, self._resources.clock())
        receipt = await papers.paper(self._resources.signer, self._resources.member, "收件告知单", lines)
        return pb.SubmitCaseResponse(
            case_id=act.case_id,
            intake_number=received.intake_number,
            handling=received.handling,
            receipt=receipt,
            missing_materials=_missing(item, received.materials),
        )

    async def _supplement(self, request: pb.SupplementCaseRequest, view: CaseView, officer: str) -> NewAct:
        if view.intake != self._resources.member:
            facts = {"step": "a supplement", "step_zh": "补正", "state": machine.state_name(view.state)}
            raise Refusal(codes.CASE_STEP, facts, rule=f"only {view.intake}, which took the case in, supplements it")
        machine.check(machine.STEPS["supplemented"], view.state)
        item = self._resources.keeper.view.items.get((view.handling, view.received.item_code))
        if item is None:
            raise Refusal(codes.ITEM_UNKNOWN, {"item": view.received.item_code})
        checks.form(item, request.form, whole=False)
        handed_in.check_asked(item, request.materials)
        await handed_in.check_uploaded(request.materials, self._materials)
        content = acts.Supplemented(materials=request.materials, form=request.form)
        return own_act(view, self._resources.member, officer, self._resources.clock(), supplemented=content)

    def _step(self, view: CaseView, new: NewAct, item_name: str, window: str) -> Step:
        act, now = new.act, micros(self._resources.clock())

        def unit_of(seals: Iterable[object]) -> Unit:
            signed = acts.SignedAct(act=new.data, seal=next(iter(seals)))  # type: ignore[arg-type]
            return Unit(
                operations=(
                    rows.case_row(view, item_name, window),
                    rows.act_row(act.case_id, act.author, act.number, signed),
                    rows.act_message(view.handling, act.case_id, act.author, act.number, signed, now),
                )
            )

        return Step([record.act_leaf(new.data)], unit_of)

    def _after(self, view: CaseView, materials: Iterable[acts.CaseMaterial]) -> Callable[[], None]:
        wake = self._resources.waker(f"{OUTBOX}/{view.handling}", case_topic(view.case_id))

        def after() -> None:
            for material in materials:
                self._materials.named(material.digest)
            wake()

        return after


def _missing(item: Item, materials: Iterable[acts.CaseMaterial]) -> list[str]:
    given = {material.code for material in materials}
    return [asked.code for asked in item.materials if asked.required and asked.code not in given]
