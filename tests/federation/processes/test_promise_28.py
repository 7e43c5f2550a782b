"""Promise 28: abuse at the doors gets the right code, ends nothing, is repeated to nobody, and fills no memory."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, Question
from tongban.core import codes
from tongban.core.testing.federation import Federation, Place, eventually
from tongban.core.testing.processes import NodeProcess
from tongban.federation.transport.standing import LINKS_PER_NODE

from .looking import refusal_of
from .people import CHONGMING, CREDIT, FIRM, IDENTITY, PURPOSE, QIDONG
from .raw import LINK, RawPeer, RawWindow, refusal_in, refusal_told

LIST_ITEMS = "/tongban.api.catalogue.v1.CatalogueService/ListItems"
GET_ITEM = "/tongban.api.catalogue.v1.CatalogueService/GetItem"
UPLOAD = "/tongban.api.materials.v1.MaterialService/UploadMaterial"
SUBMIT = "/tongban.api.cases.v1.CaseService/SubmitCase"

MIB = 1 << 20
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
CANARY = "canary-7b1f"
"""Stands in all that is sent, and must stand in nothing that is told."""

MOST_GROWTH = 50 * MIB


def field(number: int, value: bytes) -> bytes:
    """Return a field of a message, with its length before it."""
    length, size = len(value), b""
    while length > 0x7F:
        size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + value


def nested(depth: int) -> bytes:
    """Return a message of groups within groups, which a decoder without a limit follows to the end of its stack."""
    return b"\xa3\x06" * depth + b"\xa4\x06" * depth  # Groups of field 100.


def resident(node: NodeProcess) -> int:
    """Return the bytes of memory that a node's process holds."""
    status = Path(f"/proc/{node.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@contextmanager
def unharmed(federation: Federation, member: str) -> Iterator[None]:
    """Check that a node is the same process afterwards, answers, and has not grown."""
    node = federation.nodes[member]
    pid, before = node.pid, resident(node)
    yield
    assert node.pid == pid
    with federation.window(CHONGMING) as window:
        assert window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).records
    eventually(lambda: resident(node) - before < MOST_GROWTH)  # gRPC gives back in its own time what it took in.


def status_told(call: Callable[[], object]) -> grpc.StatusCode:
    """Return the status with which gRPC itself refuses a call, having checked that it repeats nothing."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert CANARY not in str(caught.value)
    assert isinstance(caught.value, grpc.Call)
    return caught.value.code()


@pytest.fixture
def raw(federation: Federation) -> Iterator[RawWindow]:
    with RawWindow(federation.places[CHONGMING]) as raw:
        yield raw


@pytest.fixture
def bearer(federation: Federation) -> str:
    return f"Bearer {federation.tokens[CHONGMING]}"


BAD_BODIES = {
    "no message": b"\xff\xff" + CANARY.encode(),
    "bad UTF-8": field(1, CANARY.encode() + b"\xc3\x28"),
    "cut off": field(1, CANARY.encode())[:-3],
    "wrong wire types": b"\x0f" + CANARY.encode(),
    "deep nesting": field(1, CANARY.encode()) + nested(100_000),
}


class TestTheWindowsDoor:
    @pytest.mark.parametrize("method", [GET_ITEM, SUBMIT])
    @pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
    def test_promise_28_bytes_that_are_no_message(self, raw: RawWindow, bearer: str, method: str, body: bytes) -> None:
        context = CallContext(officer="zhang.w").SerializeToString()
        refusal = refusal_of(lambda: raw.ask(method, body, token=bearer, context=context), codes.MALFORMED)
        assert CANARY not in str(refusal)

    @pytest.mark.parametrize("context", BAD_BODIES.values(), ids=BAD_BODIES)
    def test_promise_28_a_context_that_is_none(self, raw: RawWindow, bearer: str, context: bytes) -> None:
        if len(context) > 8_000:
            assert status_told(lambda: raw_call(raw, LIST_ITEMS, b"", bearer, context)) is RESOURCE_EXHAUSTED
            return
        refusal = refusal_of(lambda: raw.ask(IDENTITY, b"", token=bearer, context=context), codes.MALFORMED)
        assert CANARY not in str(refusal)

    @pytest.mark.parametrize("twice", ["tongban-context-bin", "authorization"])
    def test_promise_28_metadata_that_are_shown_twice(self, raw: RawWindow, bearer: str, twice: str) -> None:
        metadata: tuple[tuple[str, str | bytes], ...] = (("authorization", bearer), ("tongban-context-bin", b""))
        metadata += tuple(one for one in metadata if one[0] == twice)
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = raw.channel.unary_unary(LIST_ITEMS)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=5.0, metadata=metadata)
        refusal = refusal_in(caught.value)
        assert (refusal.code, refusal.field) == (codes.INVALID_FIELD, twice)

    def test_promise_28_metadata_of_20_kilobytes(self, raw: RawWindow, bearer: str, federation: Federation) -> None:
        with unharmed(federation, CHONGMING):
            for _ in range(20):
                context = CANARY.encode() * 2_000
                assert status_told(partial(raw_call, raw, LIST_ITEMS, b"", bearer, context)) is RESOURCE_EXHAUSTED

    def test_promise_28_messages_that_are_too_large(self, raw: RawWindow, bearer: str, federation: Federation) -> None:
        with unharmed(federation, CHONGMING):
            for _ in range(3):
                body = CANARY.encode() + bytes(4 * MIB)
                refusal = refusal_of(partial(raw.ask, SUBMIT, body, token=bearer), codes.TOO_LARGE)
                assert CANARY not in str(refusal)
                body = CANARY.encode() + bytes(12 * MIB)
                assert status_told(partial(raw_call, raw, SUBMIT, body, bearer)) is RESOURCE_EXHAUSTED

    def test_promise_28_messages_that_unpack_to_what_is_too_large(
        self, raw: RawWindow, bearer: str, federation: Federation
    ) -> None:
        with unharmed(federation, CHONGMING):
            for size in (5 * MIB, 64 * MIB, 128 * MIB):
                bomb = partial(raw_call, raw, SUBMIT, bytes(size), bearer, compression=grpc.Compression.Gzip)
                assert status_told(bomb) is grpc.StatusCode.UNIMPLEMENTED  # Nothing that is packed is taken.

    def test_promise_28_uploads_that_unpack_to_what_is_too_large(self, raw: RawWindow, federation: Federation) -> None:
        with unharmed(federation, CHONGMING):
            call: grpc.StreamUnaryMultiCallable[bytes, bytes] = raw.channel.stream_unary(UPLOAD)
            parts = iter([bytes(128 * MIB)])
            told = status_told(lambda: call(parts, timeout=30.0, compression=grpc.Compression.Gzip))
            assert told is grpc.StatusCode.UNIMPLEMENTED

    @pytest.mark.parametrize(
        "method", [f"/{CANARY}", f"//{CANARY}", f"/a.B/{CANARY}/C", f"/a.B/{CANARY * 300}", f"/{CANARY}\u2028.B/C"]
    )
    def test_promise_28_methods_that_can_be_none(self, raw: RawWindow, bearer: str, method: str) -> None:
        assert status_told(lambda: raw_call(raw, method, b"", bearer)) is grpc.StatusCode.UNIMPLEMENTED

    def test_promise_28_methods_that_nobody_has(self, raw: RawWindow, bearer: str) -> None:
        context = CallContext(purpose=PURPOSE).SerializeToString()
        for method in ("/beijing.housing.v1.HousingService/QueryHouse", "/grpc.reflection.v1.ServerReflection/x"):
            refusal_of(partial(raw.ask, method, b"", token=bearer, context=context), codes.METHOD_UNKNOWN)


def raw_call(
    raw: RawWindow,
    method: str,
    body: bytes,
    bearer: str,
    context: bytes = b"",
    compression: grpc.Compression = grpc.Compression.NoCompression,
) -> bytes:
    """Call a method, and let gRPC's own error through."""
    metadata: tuple[tuple[str, str | bytes], ...] = (("authorization", bearer), ("tongban-context-bin", context))
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = raw.channel.unary_unary(method)
    return call(body, timeout=30.0, metadata=metadata, compression=compression)


class TestThePeersDoor:
    @pytest.fixture
    def peer(self, federation: Federation) -> Iterator[RawPeer]:
        with RawPeer(federation.places[CHONGMING], federation.places[QIDONG]) as peer:
            yield peer

    @pytest.mark.parametrize("frame", BAD_BODIES.values(), ids=BAD_BODIES)
    def test_promise_28_bytes_that_are_no_frame(self, peer: RawPeer, frame: bytes) -> None:
        link = peer.link()
        link.send(frame)
        refusal = refusal_of(lambda: list(link.answers()), codes.MALFORMED)
        assert CANARY not in str(refusal)
        link.close()

    @pytest.mark.parametrize("header", BAD_BODIES.values(), ids=BAD_BODIES)
    def test_promise_28_headers_that_are_none_are_not_answered(self, peer: RawPeer, header: bytes) -> None:
        bad, good = peer.question(CREDIT, _request(), PURPOSE), peer.question(CREDIT, _request(), PURPOSE)
        bad.header = header[:4096]
        link = peer.link()
        link.send(LinkRequest(questions=[Question(message=bad, timeout_ms=5_000)]).SerializeToString())
        [answer] = link.ask(good)
        assert refusal_told(answer) is None
        link.close()

    def test_promise_28_bodies_that_are_none(self, peer: RawPeer) -> None:
        link = peer.link()
        for body in BAD_BODIES.values():
            [answer] = link.ask(peer.question(CREDIT, body, PURPOSE))
            refusal = refusal_told(answer)
            assert refusal is not None
            assert refusal.code is codes.MALFORMED
            assert CANARY not in str(refusal)
        link.close()

    def test_promise_28_frames_that_are_too_large(self, peer: RawPeer, federation: Federation) -> None:
        with unharmed(federation, QIDONG):
            for size in (7 * MIB, 12 * MIB):
                assert self._link_ends(peer, field(2, CANARY.encode()) + bytes(size)) is RESOURCE_EXHAUSTED

    def test_promise_28_many_links_of_one_peer(self, peer: RawPeer, federation: Federation) -> None:
        node, done = federation.nodes[QIDONG], threading.Event()
        question = Question(message=peer.question(CREDIT, bytes(60_000), PURPOSE), timeout_ms=600_000)
        frame = LinkRequest(questions=[question] * 16).SerializeToString()

        def sent() -> Iterator[bytes]:
            yield from [frame] * 62
            done.wait(30.0)

        before = resident(node)
        link: grpc.StreamStreamMultiCallable[bytes, bytes] = peer.channel.stream_stream(LINK)
        calls = [link(sent(), timeout=30.0) for _ in range(12)]
        eventually(lambda: sum(not call.is_active() for call in calls) >= 12 - LINKS_PER_NODE)
        told = [refusal_in(call) for call in calls if not call.is_active()]  # type: ignore[arg-type]
        assert {(one.code, one.facts["limit"]) for one in told} == {(codes.OVERLOADED, "links")}
        assert max(_growth(node, before)) < 600 * MIB  # What two full links hold, several times over in Python.
        done.set()
        for call in calls:
            call.cancel()
        with federation.window(CHONGMING) as window:
            eventually(lambda: window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).records)

    def test_promise_28_a_connection_carries_so_many_streams(self, federation: Federation) -> None:
        assert _most_streams(federation.places[CHONGMING], federation.places[QIDONG]) == 350

    def test_promise_28_frames_that_unpack_to_what_is_too_large(self, peer: RawPeer, federation: Federation) -> None:
        with unharmed(federation, QIDONG):
            for size in (5 * MIB, 64 * MIB, 128 * MIB):
                told = self._link_ends(peer, bytes(size), compression=grpc.Compression.Gzip)
                assert told is grpc.StatusCode.UNIMPLEMENTED

    def test_promise_28_metadata_of_20_kilobytes(self, peer: RawPeer, federation: Federation) -> None:
        with unharmed(federation, QIDONG):
            metadata = (("x-bin", CANARY.encode() * 2_000),)
            assert self._link_ends(peer, b"", metadata=metadata) is RESOURCE_EXHAUSTED

    @pytest.mark.parametrize("method", [LIST_ITEMS, SUBMIT, f"/a.B/{CANARY}", "/x"])
    def test_promise_28_methods_that_this_door_does_not_have(self, peer: RawPeer, method: str) -> None:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = peer.channel.unary_unary(method)
        assert status_told(lambda: call(b"", timeout=5.0)) is grpc.StatusCode.UNIMPLEMENTED

    def _link_ends(
        self,
        peer: RawPeer,
        frame: bytes,
        metadata: tuple[tuple[str, bytes], ...] = (),
        compression: grpc.Compression = grpc.Compression.NoCompression,
    ) -> grpc.StatusCode:
        call: grpc.StreamStreamMultiCallable[bytes, bytes] = peer.channel.stream_stream(LINK)
        stream = call(iter([frame]), timeout=30.0, metadata=metadata, compression=compression)
        return status_told(lambda: list(stream))


def _growth(node: NodeProcess, before: int) -> Iterator[int]:
    """Yield for some seconds by how much a node has grown."""
    for _ in range(20):
        time.sleep(0.25)
        yield resident(node) - before


def _most_streams(own: Place, peer: Place) -> int:
    """Return how many streams a node's peer door takes on one connection, from the settings that it begins with."""
    context = ssl.create_default_context(cafile=peer.certificate)
    context.load_cert_chain(own.home / "keys/node.crt", own.home / "keys/node.key")
    context.set_alpn_protocols(["h2"])
    host, port = peer.peers.rsplit(":", 1)
    with (
        socket.create_connection((host, int(port)), 5.0) as plain,
        context.wrap_socket(plain, server_hostname=f"node.{peer.member}.tongban") as line,
    ):
        line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        with line.makefile("rb") as file:
            length = int.from_bytes(file.read(9)[:3])
            settings = dict(struct.iter_unpack("!HI", file.read(length)))
    return int(settings[3])  # SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, 6.5.2)


def _request() -> QueryCreditRequest:
    return QueryCreditRequest(credit_code=FIRM.number)
