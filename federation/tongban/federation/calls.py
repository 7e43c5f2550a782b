"""What passes through a node: a call, who makes it, where it goes, what comes of it, and the reply."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from tongban.api.admin.v1.admin_pb2 import WindowRole
from tongban.api.common.v1.common_pb2 import CallContext, Seal
from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.api.exchange.v1.exchange_pb2 import Header, Hop, SealedMessage
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.sealing import Leaf
from tongban.core.services import Entry
from tongban.federation.exchange.bodies import Held
from tongban.federation.store.units import Unit
from tongban.federation.tally import Tally


class Door(Enum):
    """By which door a call came in."""

    WINDOWS = "windows"
    PEERS = "peers"
    ADMIN = "admin"


class SealAlone(Enum):
    """Stands where a carrier has no TLS that reaches to the end, so that the seal alone speaks for the peer."""

    SEAL_ALONE = "seal alone"


SEAL_ALONE = SealAlone.SEAL_ALONE
"""Only a carrier that cannot tell by which hand a message came says this: HTTP."""


@dataclass(frozen=True, slots=True)
class Question:
    """A peer's sealed message as it arrived: nothing about it is believed yet."""

    message: SealedMessage
    header: Header
    hops: Sequence[Hop] = ()
    """Who passed it on."""
    opened: "Opened | None" = None
    """What its body holds, once it is opened."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An encrypted question that this member could read."""

    held: Held
    answer_key: PublicKey
    """Key of its asker, for which the answer is encrypted."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, by whichever transport it came."""

    door: Door
    method: str
    body: bytes
    context: CallContext
    seconds: float
    """How long the caller still waits."""
    token: str = ""
    """What a window showed."""
    question: Question | None = None
    """The sealed message, at the peers' door."""
    certified: str | SealAlone | None = None
    """Member to which the directory gives the certificate of a peer's connection; None if to nobody, and then nothing
    is believed."""
    stream: AsyncIterator[bytes] | None = None
    """What the caller streams, where the method takes a stream."""
    streamed: bool = False
    """Whether a peer's question came on a stream of its own, on which answers can stream too."""
    trailing: list[Entry] = field(default_factory=list)
    """Trailing metadata for the caller; whoever answers puts it here."""
    cut: Callable[[], Refusal] = lambda: Refusal(codes.CALLER_LEFT)
    """Says why the call is cancelled, if it is."""
    give_way: Callable[[], None] = lambda: None
    """Leaves the call's place to others: what it waits for from now on may take hours."""

    @property
    def brought_by(self) -> str:
        """Member whose connection or folder brought a question; empty if nothing but seals says who."""
        return self.certified if isinstance(self.certified, str) else ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call, once it is authenticated."""

    member: str
    window: str = ""
    roles: "frozenset[WindowRole.ValueType]" = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """What one call changes: leaves to be sealed, and what is written once they are."""

    leaves: Sequence[Leaf] = ()
    unit_of: "Callable[[Sequence[Seal]], Unit | Step] | None" = None
    """From the seals of the leaves, in order, to what is written, or to a further step that could not be known before
    they were sealed; None writes nothing."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to seal and nothing to write."""
        return not self.leaves and self.unit_of is None

    def unit(self, seals: Sequence[Seal]) -> "Unit | Step":
        """Return what is written, or the further step."""
        return self.unit_of(seals) if self.unit_of else Unit()

    def then(self, other: "Step") -> "Step":
        """Return both steps as one, so that they are sealed and written together or not at all."""
        if self.empty or other.empty:
            return other if self.empty else self
        own = len(self.leaves)
        return Step([*self.leaves, *other.leaves], lambda seals: _both(self.unit(seals[:own]), other.unit(seals[own:])))


def writes(unit: Unit) -> Step:
    """Return a step that writes and seals nothing."""
    return Step(unit_of=lambda seals: unit)


def _both(one: Unit | Step, other: Unit | Step) -> Unit | Step:
    if isinstance(one, Unit) and isinstance(other, Unit):
        return one.merged(other)
    first, second = (writes(part) if isinstance(part, Unit) else part for part in (one, other))
    return first.then(second)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An exchange with a peer as this side asked it."""

    question: SealedMessage
    header: Header
    answer: SealedMessage | None = None
    status: int = 0
    question_held: Held | None = None
    """What the question holds, if it is encrypted and this side knows."""
    answer_held: Held | None = None
    hops: Sequence[Hop] = ()
    """Who passed it on, this member the last; empty if it asked itself."""
    through: str = ""
    """Relay to which it was handed."""
    trailing: Sequence[Entry] = ()
    """Trailing metadata of the answer."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that contains a seal, and so is known only once the leaf is sealed."""

    leaf: Leaf
    body_of: Callable[[Seal], bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call, before it is recorded."""

    body: bytes = b""
    draft: Draft | None = None
    """Gives the body, in its place."""
    stream: AsyncGenerator[bytes, None] | None = None
    """Answers as they come; what it raises ends them."""
    requests: Tally = field(default_factory=Tally)
    """What was taken of the caller's stream so far."""
    step: Step = Step()
    after: Callable[[], None] = field(default=lambda: None)
    """What to wake once it is recorded."""
    refusal: Refusal | None = None
    exchanged: Exchanged | None = None
    """The exchange that answered it, if it was forwarded."""

    def then(self, record: "Callable[[Outcome], Step]") -> Step:
        """Return this outcome's step and what records it, once its body is known."""
        draft = self.draft
        if draft is None:
            return self.step.then(record(self))
        sealed = Step([draft.leaf], lambda seals: record(replace(self, body=draft.body_of(seals[0]), draft=None)))
        return self.step.then(sealed)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller gets: bytes, a stream of bytes, or a refusal."""

    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
    """Answers as they come; whoever takes them closes it. A Refusal that it raises is their end."""
    refusal: Refusal | None = None
    sealed: SealedMessage | None = None
    """The answer as it travels, at the peers' door."""
