"""What the parts of a node share. Time, keys, store and network are passed in here, once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tongban.core.calendar import WorkingCalendar
from tongban.core.encryption import DecryptionKeys
from tongban.core.registry import Registry
from tongban.core.signing import Signer
from tongban.core.times import Clock
from tongban.federation.exchange.asking import Asking
from tongban.federation.flush import Flush
from tongban.federation.load.admission import Admission
from tongban.federation.load.outbox import Outbox
from tongban.federation.load.quotas import Quotas
from tongban.federation.plugins.running import Runner
from tongban.federation.settings import Settings
from tongban.federation.store.interface import Store
from tongban.federation.trust.keeper import Keeper


class Wakes:
    """Lets one part of a node tell another that there is something to do. Nothing is lost if nobody listens."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Event]] = {}

    def wake(self, topic: str) -> None:
        """Wake whoever waits for a topic."""
        for event in self._listeners.get(topic, ()):
            event.set()

    def listen(self, *topics: str) -> asyncio.Event:
        """Return an event that is set at each wake of one of the topics, until `forget`."""
        event = asyncio.Event()
        for topic in topics:
            self._listeners.setdefault(topic, set()).add(event)
        return event

    def forget(self, topic: str, event: asyncio.Event) -> None:
        """Stop listening."""
        listeners = self._listeners.get(topic, set())
        listeners.discard(event)
        if not listeners:
            self._listeners.pop(topic, None)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that the services of a node are made of."""

    home: Path
    settings: Settings
    clock: Clock
    signer: Signer
    decryption: DecryptionKeys
    store: Store
    flush: Flush
    keeper: Keeper
    asking: Asking
    registry: Registry
    runner: Runner
    calendar: WorkingCalendar
    quotas: Quotas
    admission: Admission
    outbox: Outbox
    wakes: Wakes = field(default_factory=Wakes)

    @property
    def member(self) -> str:
        """Member that the node serves."""
        return self.settings.member

    def waker(self, *topics: str) -> Callable[[], None]:
        """Return what wakes these topics once a step is recorded."""

        def wake() -> None:
            for topic in topics:
                self.wakes.wake(topic)

        return wake


OUTBOX, WORK = "outbox", "work"
"""Topics: messages wait for a peer (``outbox/PEER``), work waits for a handler."""

PEER_SEEN = "peer-seen"
"""Topic: a peer has shown itself (``peer-seen/PEER``: this one)."""


def case_topic(case_id: str) -> str:
    """Return the topic of changes to one case."""
    return f"case/{case_id}"
