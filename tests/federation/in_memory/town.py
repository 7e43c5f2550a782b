"""The federation of one test: its nodes, started and stopped one by one, and the windows that call them."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.evidence.v1.evidence_pb2 import Evidence
from tongban.core.case.machine import state_name
from tongban.core.registry import Brought
from tongban.federation.calls import Door
from tongban.federation.carriers.memory import MemoryNet, Station
from tongban.federation.transport.memory import MemoryClient, running_node

from .clock import Clock
from .laid_out import CHONGMING, CREDIT_PURPOSE, MEMBERS, NOW, QIDONG, LaidOut, brought
from .waiting import eventually

ASK_SECONDS = 1.0


class Town:
    """Nodes of members on one net, each with a clock of its own."""

    def __init__(
        self, laid_out: LaidOut, brings: Callable[[str], list[Brought]] = brought, now: datetime = NOW
    ) -> None:
        self.laid_out = laid_out
        self.net = MemoryNet()
        self.clocks: defaultdict[str, Clock] = defaultdict(lambda: Clock(now))
        self.nodes: dict[str, Station] = {}
        self.ask_seconds = ASK_SECONDS
        self._brings = brings
        self._begun: dict[str, int] = {}
        self._running: dict[str, AsyncExitStack] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in list(self._running):
            await self.stop(member)

    async def start(self, *members: str) -> Self:
        """Start the nodes of these members, or of all."""
        for member in members or MEMBERS:
            stack, home = AsyncExitStack(), self.laid_out.folder / member
            self.nodes[member] = await stack.enter_async_context(self._node(member, home, self._brings(member)))
            self._begun.setdefault(member, len(await self.evidence(member)))
            self._running[member] = stack
        return self

    def _node(self, member: str, home: Path, brought: list[Brought]) -> AbstractAsyncContextManager[Station]:
        return running_node(self.net, home, self.clocks[member], brought, self.ask_seconds)

    async def stop(self, member: str) -> None:
        """Stop the node of a member."""
        await self._running.pop(member).aclose()
        del self.nodes[member]

    async def restart(self, member: str) -> None:
        """Stop a node and start it again on the same store."""
        await self.stop(member)
        await self.start(member)

    def window(self, member: str, *, seconds: float = 10.0, **context: str) -> MemoryClient:
        """Return a window of a member's node, with all roles; an officer acts unless the context names another."""
        told = CallContext(**{"officer": "zhang.w", **context})
        return MemoryClient(self.nodes[member].house.node, Door.WINDOWS, self.laid_out.tokens[member], told, seconds)

    def asker(self, *, seconds: float = 2.0, **changes: str) -> MemoryClient:
        """Return a window of 崇明 that may ask 启东 about credit, with changes of what it says."""
        said = {"to": QIDONG, "purpose": CREDIT_PURPOSE, "consent_id": "授权-1", **changes}
        return self.window(CHONGMING, seconds=seconds, **said)

    def admin(self, member: str) -> MemoryClient:
        """Return an operator of a member's node."""
        return MemoryClient(self.nodes[member].house.node, Door.ADMIN)

    async def case_is(self, member: str, case_id: str, state: "cases.CaseState.ValueType") -> None:
        """Wait until a case is in this state at a member's node."""
        await eventually(lambda: self._case_is(member, case_id, state))

    async def _case_is(self, member: str, case_id: str, state: "cases.CaseState.ValueType") -> bool:
        row = await self.nodes[member].resources.store.case(case_id)
        return row is not None and row.state == state_name(state)

    async def evidence(self, member: str) -> list[Evidence]:
        """Return the evidence log of a member's node."""
        store = self.nodes[member].resources.store
        return [Evidence.FromString(record) for record in await store.evidence(0, await store.evidence_size())]

    async def errors(self, member: str) -> list[str]:
        """Return the error codes in a member's evidence log since this test began; empty ones are answers.

        What nodes ask each other about documents is left out: they do so when they like.
        """
        since = (await self.evidence(member))[self._begun[member] :]
        return [one.error_code for one in since if "DocumentService" not in one.method]
