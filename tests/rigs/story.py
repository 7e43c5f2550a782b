"""One matter from end to end, told by windows that repeat each question until they have an answer."""

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import Message

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import (
    CASE_STATE_APPROVED,
    CASE_STATE_ARRIVED,
    CASE_STATE_CORRECTION,
    CaseState,
    CaseSummary,
    GetCaseResponse,
    SubmitCaseResponse,
)
from tongban.core.client import AsyncClient, Decision, Verified
from tongban.core.errors import Refusal
from tongban.core.items import Accept, Approve

from .history import Asked, History, attempt
from .plan import AGENT, FIRM, HANDLING, INTAKE, ITEM, PURPOSE

PAUSES = (0.0, 0.06)
"""Seconds before each question of a story: at least and at most."""

ANSWER_SECONDS = 2.0
"""How long a window waits for an answer."""

IMPATIENT, IMPATIENT_SECONDS = 0.3, (0.003, 0.03)
"""So many commands are given up so early that often they are carried out and the answer is lost."""

_MATERIAL_BYTES = 100_000
"""More than one part: the handling node fetches a material in parts of 64 KiB."""

T = TypeVar("T")
Told = Callable[[T], Mapping[str, str]]


@dataclass(slots=True)
class Story:
    """One telling."""

    name: str
    clerk: AsyncClient
    officer: AsyncClient
    history: History
    chance: random.Random
    _case_id: str = field(default="", init=False)
    _commands: int = field(default=0, init=False)

    async def tell(self) -> None:
        """Have one case taken in, corrected, supplemented, accepted and approved.

        Raises:
            Refusal: a node refused a command.
        """
        await self._take_in()
        await self._until(self.clerk, CASE_STATE_CORRECTION)
        await self._supplement()
        await self._until(self.officer, CASE_STATE_ARRIVED)
        await self._verify(self.officer)
        await self._decide("accept", Accept())
        await self._decide("approve", Approve(f"准予变更登记({self.name})。"))
        await self._until(self.clerk, CASE_STATE_APPROVED)
        await self._ask(self.clerk, "result", lambda: self.clerk.result(self._case_id), _paper)
        await self._ask(self.officer, "result", lambda: self.officer.result(self._case_id), _paper)

    async def _take_in(self) -> None:
        agent = await self._verify(self.clerk)
        application = await self._upload("application", "变更登记申请书")

        def submit(request_id: str) -> Awaitable[SubmitCaseResponse]:
            return self.clerk.submit(
                ITEM,
                deciding_place=HANDLING,
                applicant=FIRM,
                agent=AGENT,
                form={"new_address": self.name},
                materials=[application],
                assertions=[agent.assertion],
                request_id=request_id,
                timeout=self._patience(),
            )

        self._case_id = (await self._command(self.clerk, "submit", submit, _receipt)).case_id

    async def _supplement(self) -> None:
        resolution = await self._upload("resolution", "股东会决议")

        def supplement(request_id: str) -> Awaitable[CaseSummary]:
            materials, timeout = [resolution], self._patience()
            return self.clerk.supplement(self._case_id, materials=materials, request_id=request_id, timeout=timeout)

        def fetch() -> Awaitable[bytes]:
            return self.officer.fetch_material(self._case_id, resolution.digest)

        await self._command(self.clerk, "supplement", supplement, _summary)
        await self._ask(self.officer, "fetch", fetch, lambda content: {"bytes": str(len(content))})

    async def _decide(self, operation: str, decision: Decision) -> None:
        def decide(request_id: str) -> Awaitable[CaseSummary]:
            return self.officer.decide(self._case_id, decision, request_id=request_id, timeout=self._patience())

        await self._command(self.officer, operation, decide, _summary)

    async def _verify(self, window: AsyncClient) -> Verified:
        def verify() -> Awaitable[Verified]:
            return window.verify_person(AGENT.name, AGENT.number, to=INTAKE, purpose=PURPOSE)

        return await self._ask(window, "verify", verify, lambda answer: {"verdict": str(answer.verdict)})

    async def _upload(self, code: str, name: str) -> CaseMaterial:
        content = self.chance.randbytes(_MATERIAL_BYTES)

        def upload() -> Awaitable[CaseMaterial]:
            return self.clerk.upload(content, code=code, name=name)

        return await self._ask(self.clerk, "upload", upload, lambda material: {"digest": material.digest})

    async def _until(self, window: AsyncClient, state: "CaseState.ValueType") -> None:
        """Ask for the case until it is in this state there."""

        def case() -> Awaitable[GetCaseResponse]:
            return window.case(self._case_id)

        while (await self._ask(window, "case", case, _seen)).summary.state != state:
            pass

    async def _command(
        self, window: AsyncClient, operation: str, call: Callable[[str], Awaitable[T]], told: Told[T]
    ) -> T:
        self._commands += 1
        request_id = f"{self.name}-{self._commands}"
        return await self._ask(window, operation, lambda: call(request_id), told, request_id)

    async def _ask(
        self, window: AsyncClient, operation: str, call: Callable[[], Awaitable[T]], told: Told[T], request_id: str = ""
    ) -> T:
        """Ask until there is an answer; a command that was refused is not asked again."""
        node = INTAKE if window is self.clerk else HANDLING
        asked = Asked(self.name, node, operation, request_id, self._case_id)
        while True:
            await asyncio.sleep(self.chance.uniform(*PAUSES))
            try:
                return await attempt(self.history, asked, call, told)
            except Refusal as refusal:
                if refusal.member and request_id:
                    raise

    def _patience(self) -> float:
        impatient = self.chance.random() < IMPATIENT
        return self.chance.uniform(*IMPATIENT_SECONDS) if impatient else ANSWER_SECONDS


def _receipt(answer: SubmitCaseResponse) -> dict[str, str]:
    return {"case_id": answer.case_id, "intake_number": answer.intake_number, "paper": _base64(answer.receipt)}


def _summary(answer: CaseSummary) -> dict[str, str]:
    return {"state": CaseState.Name(answer.state), "case_number": answer.case_number}


def _seen(answer: GetCaseResponse) -> dict[str, str]:
    return {"state": CaseState.Name(answer.summary.state), "events": str(len(answer.events))}


def _paper(answer: Message) -> dict[str, str]:
    return {"paper": _base64(answer)}


def _base64(message: Message) -> str:
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()
