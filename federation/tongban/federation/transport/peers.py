"""The peers' door: links that other nodes dial, only for certificates of the directory."""

import asyncio
from collections.abc import Callable

import grpc

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.carriers.certificates import member_of
from tongban.federation.carriers.dialling import LINK
from tongban.federation.exchange.answering import AnsweredLink, Ask
from tongban.federation.transport import replies
from tongban.federation.transport.replies import Context
from tongban.federation.transport.standing import StandingLinks
from tongban.federation.transport.under_way import UnderWay
from tongban.federation.trust.keeper import Keeper


class PeerCertificates:
    """Says whose node has dialled, each time it is asked: the directory may have changed since the handshake."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock

    def member(self, context: Context) -> str | None:
        """Return the member to which the directory gives the certificate of a connection."""
        shown = next(iter(context.auth_context().get("x509_pem_cert") or ()), None)
        return member_of(shown, self._keeper, self._clock) if shown else None

    def known(self, context: Context) -> str:
        """Return that member.

        Raises:
            Refusal: PEER_UNKNOWN, the directory gives the certificate to nobody.
        """
        member = self.member(context)
        if member is None:
            raise Refusal(codes.PEER_UNKNOWN, {"what": "certificate", "member": "this connection"})
        return member

    def nodes(self, member: str) -> int:
        """Return how many certificates the directory lists for the nodes of a member."""
        return len(self._keeper.view.members[member].nodes)


class LinkDoor(grpc.GenericRpcHandler):
    """Takes the links that peers dial."""

    def __init__(
        self,
        member: str,
        ask: Ask,
        under_way: UnderWay,
        certificates: PeerCertificates,
        seen: Callable[[str], None],
        credit: int,
    ) -> None:
        self._member = member
        self._under_way = under_way
        self._certificates = certificates
        self._seen = seen
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._link)
        self._links = StandingLinks(ask, credit)
        self._stopping = False

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        """Return the link's handler."""
        return self._handler if details.method == LINK else None

    def stop_links(self) -> None:
        """Have peers end their links when they have their answers; they dial again when this node is back."""
        self._stopping = True
        self._links.leave()

    async def _link(self, requests: object, context: Context) -> None:
        self._under_way.add(context)
        await context.send_initial_metadata(())  # Else a first answer and a refusal at once would both send it.
        try:
            member = self._certificates.known(context)
            with self._links.standing(member, self._certificates.nodes(member), context.write) as link:
                self._seen(member)
                await self._read(context, link)
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
        except asyncio.CancelledError:
            if not self._stopping:
                raise  # The peer is gone; when we are going, the link ends in order.

    async def _read(self, context: Context, link: AnsweredLink) -> None:
        """Take frames until the link ends; why it is refused is told before it is taken down."""
        try:
            while isinstance(frame := await context.read(), bytes):
                await link.take(frame, self._certificates.member(context))
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
