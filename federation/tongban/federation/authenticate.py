"""The first step: who is it? A window by its token, a peer by certificate and seal, an operator by the socket."""

from datetime import datetime
from hashlib import sha256

from tongban.api.admin.v1.admin_pb2 import WindowRole
from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.calls import SEAL_ALONE, Call, Caller, Door
from tongban.federation.exchange import messages, relaying
from tongban.federation.exchange.recent import Recent
from tongban.federation.store.interface import Store
from tongban.federation.store.rows import WindowRow
from tongban.federation.trust.keeper import Keeper


class Authenticator:
    """Knows windows and peers; everything that it asks is in memory."""

    def __init__(self, member: str, keeper: Keeper, recent: Recent, clock: Clock) -> None:
        self._member = member
        self._keeper = keeper
        self._recent = recent
        self._clock = clock
        self._windows: dict[bytes, Caller] = {}

    async def load(self, store: Store) -> None:
        """Learn the windows that are registered."""
        for row in await store.windows():
            self.add(row)

    def add(self, row: WindowRow) -> None:
        """Learn one window."""
        if row.revoked is None:
            self._windows[row.token_digest] = Caller(self._member, row.window_id, roles_of(row.roles))

    def remove(self, row: WindowRow) -> None:
        """Forget one window: from now on its token is nobody's."""
        self._windows.pop(row.token_digest, None)

    def authenticate(self, call: Call) -> Caller:
        """Return who makes a call.

        Raises:
            Refusal: WINDOW_UNKNOWN; PEER_UNKNOWN, MESSAGE_ALTERED, MESSAGE_LOOPED, MESSAGE_EXPIRED,
                MESSAGE_REPLAYED, DIRECTORY_MISSING, DIRECTORY_EXPIRED, MEMBER_UNKNOWN.
        """
        if call.door is Door.WINDOWS:
            return self._window(call)
        if call.door is Door.PEERS:
            return self._peer(call, self._clock())
        return Caller(self._member)

    def _window(self, call: Call) -> Caller:
        caller = self._windows.get(token_digest(call.token))
        if caller is None:
            raise Refusal(codes.WINDOW_UNKNOWN)
        return caller

    def _peer(self, call: Call, now: datetime) -> Caller:
        """Return who sealed a message; what its sender did not seal is looked at no further."""
        if call.question is None:
            raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method}, member=self._member)
        asked, header = call.question, call.question.header
        hand = relaying.last_hand(asked)
        if call.certified not in (SEAL_ALONE, hand):
            raise Refusal(codes.PEER_UNKNOWN, {"what": "certificate", "member": hand})
        messages.check_seal(self._keeper.view, asked.message, header)
        relaying.check_hops(self._keeper.view, asked, self._member)
        self._keeper.view.member(header.sender, now)
        return self._timely(header, now)

    def _timely(self, header: Header, now: datetime) -> Caller:
        messages.check_time(header, now)
        self._recent.check(header)
        return Caller(header.sender, header.window)


def token_digest(token: str) -> bytes:
    """Return what a node keeps of a token."""
    return sha256(token.encode()).digest()


def roles_text(roles: "list[WindowRole.ValueType]") -> str:
    """Return roles as the store keeps them."""
    return " ".join(sorted({WindowRole.Name(role) for role in roles}))


def roles_of(text: str) -> "frozenset[WindowRole.ValueType]":
    """Return roles from the store's text."""
    return frozenset(WindowRole.Value(name) for name in text.split())
