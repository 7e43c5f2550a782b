"""The peers' door for streams: one forwarded call on each."""

import asyncio
from collections.abc import Callable

import grpc

from tongban.core.errors import Refusal
from tongban.federation.carriers.grpc_streams import STREAM
from tongban.federation.exchange.answering import Ask
from tongban.federation.exchange.stream_answering import AnsweredStream
from tongban.federation.transport import replies
from tongban.federation.transport.peers import PeerCertificates
from tongban.federation.transport.replies import Context
from tongban.federation.transport.under_way import UnderWay


class StreamDoor(grpc.GenericRpcHandler):
    """Takes the streams that peers open."""

    def __init__(
        self,
        member: str,
        ask: Ask,
        under_way: UnderWay,
        certificates: PeerCertificates,
        admit: Callable[[str], Callable[[], None]],
    ) -> None:
        self._member = member
        self._ask = ask
        self._under_way = under_way
        self._certificates = certificates
        self._admit = admit
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._stream)
        self._streams: set[asyncio.Task[object]] = set()
        self._stopping = False

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        """Return the handler of streams."""
        return self._handler if details.method == STREAM else None

    def stop_streams(self) -> None:
        """End the streams; their askers are told that the node is stopping."""
        self._stopping = True
        for task in self._streams:
            task.cancel()

    async def _stream(self, requests: object, context: Context) -> None:
        async def read() -> bytes | None:
            part = await context.read()
            return part if isinstance(part, bytes) else None

        self._under_way.add(context)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        stream = AnsweredStream(
            self._ask, read, context.write, lambda: self._certificates.member(context), lambda: self._stopping
        )
        try:
            release = self._admit(self._certificates.known(context))
            context.add_done_callback(lambda done: release())  # type: ignore[arg-type]  # The stub knows no functions.
            await stream.run()
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
        finally:
            if task is not None:
                self._streams.discard(task)
