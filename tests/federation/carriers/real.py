"""Towns whose nodes reach each other by the carriers that nodes really have: sockets with TLS, HTTP, folders.

What `MemoryNet.way` does to frames it does here too, between a node and its carrier, so that one test can have the
same happen on every carrier.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core.registry import Brought
from tongban.core.times import Clock
from tongban.federation import settings
from tongban.federation.carriers.by_peer import ByPeer
from tongban.federation.carriers.identity import OwnIdentity
from tongban.federation.carriers.memory import Frame, MemoryNet, Station
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import Terms
from tongban.federation.exchange.endpoints import EndpointState
from tongban.federation.formation.ports import free_address
from tongban.federation.house import House
from tongban.federation.opening import opened
from tongban.federation.transport.server import Doors

from ..in_memory.laid_out import MEMBERS, LaidOut, brought
from ..in_memory.town import Town

GRPC, HTTP, FOLDER, MEMORY = "grpc", "http", "folder", "memory"
CARRIERS = (MEMORY, GRPC, HTTP, FOLDER)

ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Tap:
    """Stands between a node and its carriers, as a carrier to one and as the asking side to the others."""

    net: MemoryNet
    member: str
    asking: Asking

    def over(self, carriers: ByPeer) -> "TappedCarriers":
        return TappedCarriers(self, carriers)

    def answered(self, peer: str, answers: Sequence[SealedMessage]) -> None:
        frame = Frame(self.member, peer, LinkResponse(answers=answers).SerializeToString(), back=True)
        for seconds, arriving in self.net.way(frame):
            asyncio.get_running_loop().call_later(
                seconds, self.asking.answered, peer, LinkResponse.FromString(arriving.data).answers
            )

    def lost(self, peer: str, attempts: Collection[str] | None = None) -> None:
        self.asking.lost(peer, attempts)


@dataclass(frozen=True)
class TappedCarriers:
    """A node's carriers, with what happens on the way."""

    tap: Tap
    carriers: ByPeer

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        frame = Frame(self.tap.member, peer, LinkRequest(questions=questions).SerializeToString())
        for seconds, arriving in self.tap.net.way(frame):
            await asyncio.sleep(seconds)
            await self.carriers.send(peer, LinkRequest.FromString(arriving.data).questions)

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        self.carriers.cancel(peer, attempts)

    def terms(self, peer: str) -> Terms:
        return self.carriers.terms(peer)

    async def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.carriers.stream(peer, parts)) as answers:
            async for answer in answers:
                yield answer

    def kind(self, peer: str) -> str:
        return self.carriers.kind(peer)

    def problem(self, peer: str) -> str | None:
        return self.carriers.problem(peer)

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        return self.carriers.endpoints(peer)


class RealTown(Town):
    """A town on real carriers, which its nodes' settings choose."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.networks: dict[str, TappedCarriers] = {}
        self.ask_seconds = ANSWER_SECONDS

    @asynccontextmanager
    async def _node(self, member: str, home: Path, brings: list[Brought]) -> AsyncIterator[Station]:
        chosen, clock = settings.load(home), self.clocks[member]
        own = OwnIdentity(home / chosen.keys.node, home / chosen.keys.certificate)
        async with opened(home, chosen, clock) as (resources, plugins):
            for one in brings:
                resources.registry.add(one)
            tap: Any = Tap(self.net, member, resources.asking)
            carriers = ByPeer(replace(resources, asking=tap), own)
            self.networks[member] = tap.over(carriers)
            house = House(resources, plugins, self.networks[member], self.ask_seconds)

            def seen(peer: str) -> None:
                carriers.seen(peer)
                house.seen(peer)

            doors = Doors(resources, own, house.node.ask, house.arities, seen)
            await house.load()
            async with carriers.running():
                await doors.open()
                async with house.running(), carriers.taking(house.node.ask, seen):
                    yield Station(resources, house, own.current.certificate)
                    await doors.close()


def town_of(laid_out: LaidOut, carrier: str, now: Clock, brings: Callable[[str], list[Brought]] = brought) -> Town:
    """Return a town whose members all reach each other by one carrier; its nodes are not started."""
    for member in MEMBERS:
        for peer in MEMBERS:
            if peer < member:
                choose(laid_out, carrier, member, peer)
    kind = Town if carrier == MEMORY else RealTown
    town = kind(laid_out, brings, now=now())
    town.ask_seconds = ANSWER_SECONDS
    return town


def choose(laid_out: LaidOut, carrier: str, one: str, other: str) -> None:
    """Have two members reach each other by a carrier."""
    for member, peer in ((one, other), (other, one)):
        if carrier == HTTP:
            by_http(laid_out.folder, member, peer)
        if carrier == FOLDER:
            by_folder(laid_out.folder, member, peer)


def by_http(folder: Path, member: str, peer: str) -> None:
    port, ca = http_port(folder, peer), folder / peer / "keys" / "node.crt"
    add(folder / member, f'[carriers."{peer}"]\nkind = "http"\nurl = "https://127.0.0.1:{port}"\nca = "{ca}"\n')


def by_folder(folder: Path, member: str, peer: str, **keys: float) -> None:
    outgoing, incoming = folder / f"{member}-to-{peer}", folder / f"{peer}-to-{member}"
    for path in (outgoing, incoming):
        path.mkdir(exist_ok=True)
    table = {"answer_seconds": ANSWER_SECONDS, "look_seconds": 0.05, **keys}
    lines = [f'outgoing = "{outgoing}"', f'incoming = "{incoming}"', *(f"{key} = {table[key]}" for key in table)]
    add(folder / member, "\n".join([f'[carriers."{peer}"]', 'kind = "folder"', *lines, ""]))


def http_port(folder: Path, member: str) -> int:
    """Return the port of a member's HTTP door, which it gets now if it has none yet."""
    path = folder / member / settings.FILE
    if not (door := settings.load(folder / member).peers.http):
        with ExitStack() as held:
            door = free_address(held)
        text = path.read_text("utf-8").replace("[peers]\n", f'[peers]\nhttp = "{door}"\n')
        path.write_text(text, encoding="utf-8")
    return int(door.rpartition(":")[2])


def add(home: Path, text: str) -> None:
    with (home / settings.FILE).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}")
