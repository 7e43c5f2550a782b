"""Dials the node of a peer: a connection, a stream on it, and the first frame, with which the link stands."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from tongban.api.exchange.v1.exchange_pb2 import LinkResponse
from tongban.core.errors import Refusal, refusal_of
from tongban.federation.carriers.certificates import Target
from tongban.federation.exchange import frames

LINK = "/tongban.api.exchange.v1.ExchangeService/Link"
_DETAILS = "grpc-status-details-bin"
_CONNECT_SECONDS = 3
_FIRST_FRAME_SECONDS = 3.0

_OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # So long an attempt to connect may take: gRPC has no option of this name for it.
    ("grpc.min_reconnect_backoff_ms", _CONNECT_SECONDS * 1000),
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.max_receive_message_length", frames.MOST_FRAME),
]

Stream = grpc.aio.StreamStreamCall[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Dialled:
    """A link that stands."""

    target: Target
    channel: grpc.aio.Channel
    stream: Stream
    first: LinkResponse
    """The peer's first frame."""


async def dialled(target: Target) -> Dialled:
    """Dial.

    Raises:
        ConnectionError: nobody answers there, or not the node that the directory lists; the text says which.
    """
    channel = await connection(target)
    try:
        stream: Stream = channel.stream_stream(LINK)()
        return Dialled(target, channel, stream, LinkResponse.FromString(await _first_frame(stream)))
    except grpc.aio.AioRpcError as error:
        await channel.close()
        raise ConnectionError(why(error)) from None
    except DecodeError:
        await channel.close()
        raise ConnectionError("what it says is no link") from None
    except BaseException:
        await channel.close()
        raise


async def connection(target: Target) -> grpc.aio.Channel:
    """Connect to a node.

    Raises:
        ConnectionError: nobody answers there, or not the node that the directory lists.
    """
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", target.address.name)]
    channel = grpc.aio.secure_channel(target.address.endpoint, target.credentials(), options)
    try:
        await _connected(channel)
    except BaseException:
        await channel.close()
        raise
    return channel


def why(error: grpc.aio.AioRpcError) -> str:
    """Return why a call failed, in the words of the node that refused it if one did."""
    refusal = refusal_in(error)
    return refusal.message if refusal else error.code().name


async def _connected(channel: grpc.aio.Channel) -> None:
    """Wait for a connection, as long as one may still come of the first attempt."""
    while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise ConnectionError("no connection")
        await channel.wait_for_state_change(state)


async def _first_frame(stream: Stream) -> bytes:
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        stream.cancel()

    timer = asyncio.get_running_loop().call_later(_FIRST_FRAME_SECONDS, give_up)
    try:
        frame = await stream.read()
    except asyncio.CancelledError:
        if late:  # gRPC raises this also in whoever reads a call that was cancelled.
            raise ConnectionError("no answer in time") from None
        raise
    finally:
        timer.cancel()
    if not isinstance(frame, bytes):
        raise ConnectionError("it closed the link at once")
    return frame


def refusal_in(error: grpc.aio.AioRpcError) -> Refusal | None:
    """Return the refusal that a node told, if it was one."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            with suppress(DecodeError):
                return refusal_of(Status.FromString(value))
    return None
