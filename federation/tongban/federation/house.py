"""How the parts of a node hang together: services, workers, and the one way that calls take."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from tongban.federation.arities import Arities
from tongban.federation.authenticate import Authenticator
from tongban.federation.carriers.loopback import Loopback
from tongban.federation.cases.answers import Answers
from tongban.federation.cases.book import CaseBook
from tongban.federation.cases.handling import Handling
from tongban.federation.cases.intake import Intake
from tongban.federation.cases.reading import CaseReading
from tongban.federation.cases.replica import Replica
from tongban.federation.cases.serials import Serials
from tongban.federation.cases.work import Worker
from tongban.federation.checkpoints import Checkpoints
from tongban.federation.exchange.carrier import Carrier
from tongban.federation.exchange.own_questions import OwnQuestions
from tongban.federation.exchange.queue import Queue
from tongban.federation.exchange.recent import Recent
from tongban.federation.exchange.relaying import Relay
from tongban.federation.exchange.stream_asking import StreamAsking, StreamCarrier
from tongban.federation.exchange.streams import Streams
from tongban.federation.forward import Forwarder
from tongban.federation.materials.fetching import MaterialFetcher
from tongban.federation.materials.kept import Materials
from tongban.federation.materials.sweeping import Sweeper
from tongban.federation.materials.uploads import Uploads
from tongban.federation.node import Node
from tongban.federation.plugins.loading import Loaded
from tongban.federation.record import Recording
from tongban.federation.resources import PEER_SEEN, Resources
from tongban.federation.services.brought import brought_methods
from tongban.federation.services.lookups import Lookups
from tongban.federation.services.materials import MaterialService
from tongban.federation.services.operating import Operating
from tongban.federation.services.public import Public
from tongban.federation.services.status import Links, Status
from tongban.federation.services.table import table
from tongban.federation.trust.publishing import Publisher
from tongban.federation.trust.refreshing import Refresher

log = logging.getLogger(__name__)

ASK_SECONDS = 30.0
"""How long the node waits for a peer's answer to its own questions."""

_AGAIN_SECONDS = 1.0


class Network(Carrier, StreamCarrier, Links, Protocol):
    """What leads to the nodes of other members."""


async def _lasting(run: Callable[[], Awaitable[None]]) -> None:
    """Run a part of the node again when it fails, as it does while the disk is full."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("a part of the node failed and begins again in %g s", _AGAIN_SECONDS)
            await asyncio.sleep(_AGAIN_SECONDS)


class House:
    """One node, put together."""

    def __init__(
        self, resources: Resources, plugins: Sequence[Loaded], network: Network, ask_seconds: float = ASK_SECONDS
    ) -> None:
        r = resources
        self._resources = r
        self._recent = Recent(r.clock)
        self._authenticator = Authenticator(r.member, r.keeper, self._recent, r.clock)
        limits = r.settings.limits
        self._checkpoints = Checkpoints(r.member, r.store, r.flush, r.clock, limits.checkpoint_seconds)
        self._publisher = Publisher(r, plugins)
        questions = OwnQuestions(r.asking, r.flush, r.clock, ask_seconds)
        self._refresher = Refresher(r, questions)
        self._queue = Queue(r, questions)
        book, serials = CaseBook(r.store, r.member), Serials(r.store)
        materials = Materials(r.home / "materials", r.member, r.settings.materials, r.clock)
        self.uploads, self.sweeper = Uploads(materials), Sweeper(materials, r.store)
        answers = Answers(r, serials)
        handling = Handling(r, book, answers)
        self._worker = Worker(r, book, handling, answers, materials, MaterialFetcher(materials, questions))
        brought = brought_methods(r.runner, r.registry.services)
        handlers = table(
            public=Public(r),
            lookups=Lookups(r),
            materials=MaterialService(book, materials, self.uploads),
            intake=Intake(r, book, materials, serials),
            handling=handling,
            replica=Replica(r, book),
            reading=CaseReading(r, book),
            operating=Operating(r, self._authenticator, plugins, self._checkpoints, Status(r, network, plugins)),
        )
        relay = Relay(r.member, frozenset(r.settings.relay.members), r.asking.routes, r.asking, r.flush)
        recording = Recording(
            r.member, r.flush, self._recent, Streams(r.member, r.flush, self._recent, r.clock), r.clock
        )
        valid = timedelta(seconds=limits.message_seconds)
        asked_streams = StreamAsking(r.member, r.flush, r.keeper, r.clock, valid, r.asking.routes, network)
        self.node = Node(
            r.member,
            r.keeper,
            self._authenticator,
            r.decryption,
            r.quotas,
            relay,
            {**handlers, **brought},
            Forwarder(r.asking, asked_streams, relay, r.admission, recording),
            recording,
            r.clock,
        )
        self.arities = Arities(r.member, r.keeper, {name: method.arity for name, method in brought.items()})
        r.asking.carrier = Loopback(r.member, r.asking, self.node.ask, network)

    async def load(self) -> None:
        """Bring into memory what calls need, and publish what plugins bring before any peer can see this node."""
        await self._resources.keeper.load(self._resources.store)
        await self._authenticator.load(self._resources.store)
        await self._recent.load(self._resources.store)
        self._resources.outbox.load(await self._resources.store.outbox_counts())
        await self._publisher.attempt()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have run what runs beside the calls; in the end, write a checkpoint over everything that was recorded."""
        parts = (self._publisher, self._refresher, self._queue, self._worker, self._checkpoints, self.sweeper)
        tasks = [asyncio.create_task(_lasting(part.run)) for part in parts]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._checkpoints.write()

    def seen(self, member: str) -> None:
        """Take notice that the node of a peer has shown itself: what waits for it can go."""
        self._resources.waker(PEER_SEEN, f"{PEER_SEEN}/{member}")()
