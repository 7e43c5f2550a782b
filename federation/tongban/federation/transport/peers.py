"""The peers' door: links that other nodes dial, and the public methods; both only for certificates of the directory."""

import asyncio
from collections.abc import Callable

import grpc
from google.protobuf.message import DecodeError

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.carriers.certificates import member_of
from tongban.federation.carriers.grpc_links import LINK
from tongban.federation.exchange.answering import Ask, answer
from tongban.federation.transport import replies
from tongban.federation.transport.replies import Context
from tongban.federation.trust.keeper import Keeper

MOST_UNDER_WAY = 1000
"""Questions of one link that are answered at the same time; further frames wait."""


class PeerCertificates:
    """Says whose node has dialled, each time it is asked: the directory may have changed since the handshake."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock

    def member(self, context: Context) -> str | None:
        """Return the member to which the directory gives the certificate of a connection."""
        shown = next(iter(context.auth_context().get("x509_pem_cert") or ()), None)
        return member_of(shown, self._keeper, self._clock) if shown else None


class LinkDoor(grpc.GenericRpcHandler):
    """Takes the links that peers dial."""

    def __init__(self, member: str, ask: Ask, certificates: PeerCertificates, seen: Callable[[str], None]) -> None:
        self._member = member
        self._ask = ask
        self._certificates = certificates
        self._seen = seen
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._link)
        self._links: set[asyncio.Task[object]] = set()
        self._stopping = False

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        """Return the link's handler."""
        return self._handler if details.method == LINK else None

    def stop_links(self) -> None:
        """End the links; their peers dial again when this node is back."""
        self._stopping = True
        for task in self._links:
            task.cancel()

    async def _link(self, requests: object, context: Context) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._links.add(task)
        link = _AnsweredLink(self._ask, context)
        try:
            await context.send_initial_metadata(())
            self._seen(self._certificates.member(context) or "")
            await self._read(context, link)
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
        except asyncio.CancelledError:
            if not self._stopping:
                raise  # The peer is gone; when we are going, the link ends in order.
        finally:
            link.stop()
            if task is not None:
                self._links.discard(task)

    async def _read(self, context: Context, link: "_AnsweredLink") -> None:
        while isinstance(frame := await context.read(), bytes):
            request = decoded(LinkRequest, frame)
            certified = self._certificates.member(context)
            if certified is None:
                raise Refusal(codes.PEER_UNKNOWN, {"what": "certificate", "member": "this connection"})
            for id_ in request.cancelled:
                link.cancel(id_)
            for question in request.questions:
                await link.answer(question, certified)


class _AnsweredLink:
    """One link: questions under way, and answers that leave together."""

    def __init__(self, ask: Ask, context: Context) -> None:
        self._ask = ask
        self._context = context
        self._slots = asyncio.Semaphore(MOST_UNDER_WAY)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._answers: list[SealedMessage] = []
        self._waiting = asyncio.Event()
        self._writing = asyncio.create_task(self._write())

    async def answer(self, question: Question, certified: str) -> None:
        """Begin to answer a question; wait if too many are under way."""
        await self._slots.acquire()
        key = _key(question)
        task = asyncio.create_task(self._answer(question, certified))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._done(key, done))

    def cancel(self, id_: str) -> None:
        """Stop answering a question that nobody waits for."""
        if id_ in self._under_way:
            self._under_way[id_].cancel()

    def stop(self) -> None:
        """Stop with everything that is under way: its asker asks again."""
        self._writing.cancel()
        for task in self._under_way.values():
            task.cancel()

    async def _answer(self, question: Question, certified: str) -> None:
        try:
            answered = await answer(self._ask, question, certified)
        except Refusal:
            return  # Its header is none, so there is nobody to answer.
        if answered is not None:
            self._answers.append(answered)
            self._waiting.set()

    def _done(self, key: str, task: "asyncio.Task[None]") -> None:
        self._slots.release()
        if self._under_way.get(key) is task:
            del self._under_way[key]

    async def _write(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            gathered, self._answers = self._answers, []
            await self._context.write(LinkResponse(answers=gathered).SerializeToString())


def _key(question: Question) -> str:

    try:
        return Header.FromString(question.message.header).id
    except DecodeError:
        return ""
