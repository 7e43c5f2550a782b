"""What is read from a store. Times are microseconds since the epoch; numbers not given yet are empty texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case (办件) as its last event leaves it; ``intake_number`` is the 收件编号, ``case_number`` the 办件编号."""

    case_id: str
    intake: str
    handling: str
    item_code: str
    item_name: str
    state: str
    intake_number: str
    case_number: str
    sequence: int
    window: str
    updated: int


@dataclass(frozen=True, slots=True)
class ActRow:
    """An act of this member that the handling member has not put in order yet."""

    case_id: str
    author: str
    n: int
    act: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class EventRow:
    """An act put in order by the handling member."""

    case_id: str
    sequence: int
    event: bytes
    act: bytes
    act_seal: bytes
    event_seal: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message for a peer; ``state`` is ``queued`` or ``refused``, ``position`` differs within a case."""

    message_id: str
    peer: str
    case_id: str
    position: int
    method: str
    context: bytes
    body: bytes
    valid_until: int
    attempt: int
    not_before: int
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """How many messages for a peer are in a state."""

    peer: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class WorkRow:
    """An event that a handler has still to be called for."""

    case_id: str
    sequence: int
    not_before: int
    attempt: int
    error: str


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window (窗口) that may call this node."""

    window_id: str
    name: str
    roles: str
    token_digest: bytes
    created: int
    revoked: int | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A signed document: directory, catalogue or agreement."""

    name: str
    version: int
    digest: bytes
    expires: int | None
    signed: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of the evidence log's root when it had ``size`` records."""

    size: int
    checkpoint: bytes
