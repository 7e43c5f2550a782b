"""How a link ends: in order where the peer ends it, and also where it does not."""

import asyncio
from collections.abc import AsyncIterator, Collection
from types import SimpleNamespace
from typing import cast

import grpc
import pytest

from tongban.api.exchange.v1.exchange_pb2 import LinkResponse, Question, SealedMessage
from tongban.federation.carriers import link
from tongban.federation.carriers.certificates import Target
from tongban.federation.carriers.dialling import LINK, Dialled
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.places import attempt


class Staying(grpc.GenericRpcHandler):
    """A peer that says that it stops, and stays."""

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.stream_stream_rpc_method_handler(self._stay)

    async def _stay(self, requests: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        await context.write(LinkResponse(credit=10).SerializeToString())
        await context.write(LinkResponse(stopping=True).SerializeToString())
        await asyncio.Event().wait()


@pytest.fixture
async def dialled() -> AsyncIterator[Dialled]:
    """Return a link to such a peer."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Staying()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    stream: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(LINK)()
    first = await stream.read()
    assert isinstance(first, bytes)
    yield Dialled(cast(Target, None), channel, stream, LinkResponse.FromString(first))
    await server.stop(None)


async def test_a_peer_that_stops_and_stays_keeps_no_connection(
    dialled: Dialled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(peer: str, ids: Collection[bytes]) -> None:
        assert not ids

    monkeypatch.setattr(link, "END_SECONDS", 0.1)
    one = link.Link("320681", dialled, cast(Asking, SimpleNamespace(lost=lost)), lambda: None)
    await asyncio.wait_for(one.run(), 5.0)
    assert (one.open, one.problem) == (False, "")
    assert dialled.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN


async def test_a_question_that_got_a_place_as_the_link_ended_takes_another(dialled: Dialled) -> None:
    def lost(peer: str, ids: Collection[bytes]) -> None:
        pass

    one = link.Link("320681", dialled, cast(Asking, SimpleNamespace(lost=lost)), lambda: None)
    first, *others = [Question(message=SealedMessage(header=b"%d" % number)) for number in range(11)]
    for question in (first, *others[:-1]):
        assert await one.take(question)
    waiting = asyncio.create_task(one.take(others[-1]))
    await asyncio.sleep(0)
    one.cancel([attempt(first)])  # Its place goes to who waits, and before he runs again the link ends.
    one.retire()
    assert not await waiting
    await dialled.channel.close()
