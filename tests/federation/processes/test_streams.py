"""A forwarded call is seen by its client as a direct one is, for every way of streaming."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tongban.api.evidence.v1.evidence_pb2 import STAGE_ENDED, STAGE_OPENED, STAGE_UNFINISHED
from tongban.core.errors import refusal_of
from tongban.core.testing.federation import Federation

from ..scripted.tongban_scripted import METHODS, Step, longest_failure
from .direct import Way, direct, grpc_status_of, parts, through
from .looking import Log, check_log
from .people import CHONGMING, HANGZHOU

MIB = 1 << 20
MOST = 4 * MIB - 16
"""A message of so many bytes is one of 4 MiB, with what protobuf adds."""


@pytest.fixture
async def plain() -> AsyncIterator[Way]:
    async with direct() as way:
        yield way


@pytest.fixture
async def forwarded(federation: Federation) -> AsyncIterator[Way]:
    async with through(federation, CHONGMING, HANGZHOU) as way:
        yield way


STREAMED = [name for name, (client, _) in METHODS.items() if client]
SINGLE = [name for name, (client, _) in METHODS.items() if not client]

BEHAVIOURS: dict[str, tuple[list[str], Callable[[], Any]]] = {
    "goes well": (SINGLE, lambda: Step(what="ok", number=3, data=b"abc")),
    "goes well with trailing metadata": (SINGLE, lambda: Step(what="trail", number=3)),
    "is empty": (SINGLE, Step),
    "fails at once": (SINGLE, lambda: Step(what="fail")),
    "fails after some": (["Many", "Plain"], lambda: Step(what="fail", number=5)),
    "asks in 4 MiB": (SINGLE, lambda: Step(data=bytes(MOST))),
    "answers in 4 MiB": (["Many", "Plain"], lambda: Step(what="big", number=MOST)),
    "answers in more than 4 MiB": (["Many", "Plain"], lambda: Step(what="big", number=4 * MIB)),
    "gives 10,000": (["Many", "Plain"], lambda: Step(number=10_000)),
    "takes and goes well": (STREAMED, lambda: parts([Step(what="trail", number=one) for one in range(3)])),
    "takes none": (STREAMED, lambda: parts([])),
    "takes and fails": (STREAMED, lambda: parts([Step(), Step(what="fail"), Step()])),
    "has enough": (STREAMED, lambda: parts([Step(), Step(what="enough")])),
    "takes 4 MiB": (STREAMED, lambda: parts([Step(data=bytes(MOST))] * 2)),
    "takes 10,000": (STREAMED, lambda: parts([Step(number=one) for one in range(10_000)])),
}
ROWS = [(what, method) for what, (methods, _) in BEHAVIOURS.items() for method in methods]


@pytest.mark.parametrize(("what", "method"), ROWS, ids=[f"{method} {what}" for what, method in ROWS])
async def test_a_client_sees_the_same(plain: Way, forwarded: Way, what: str, method: str) -> None:
    _, requests = BEHAVIOURS[what]
    near, far = await plain.see(method, requests()), await forwarded.see(method, requests())
    assert (far.code, far.trailing, far.answers) == (near.code, near.trailing, near.answers)
    if near.code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        assert far == near


@pytest.mark.parametrize("method", SINGLE)
async def test_the_longest_status_in_chinese_arrives_whole_each_time(forwarded: Way, method: str) -> None:
    """gRPC refuses metadata between eight and sixteen kilobytes by chance."""
    expected = longest_failure()
    for _ in range(10):
        seen = await forwarded.see(method, Step(what="fail at length"))
        assert (seen.code, seen.details) == (grpc.StatusCode.NOT_FOUND, expected.status.message)
        assert (seen.status, seen.trailing) == (expected.status, expected.trailing)


@pytest.mark.parametrize("method", METHODS)
async def test_a_deadline_ends_it_alike(plain: Way, forwarded: Way, method: str) -> None:
    def hang() -> Any:
        return parts([Step(what="hang")]) if method in STREAMED else Step(what="hang")

    near, far = await plain.see(method, hang(), 0.5), await forwarded.see(method, hang(), 0.5)
    assert (near.code, near.answers) == (far.code, far.answers) == (grpc.StatusCode.DEADLINE_EXCEEDED, ())


async def _closed(way: Way) -> int:
    return int((await way.call("One", Step(what="seen"))).what.split()[0])


async def _until_closed(way: Way, count: int) -> None:
    async with asyncio.timeout(20.0):
        while await _closed(way) < count:  # noqa: ASYNC110 - a handler tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("method", ["One", "Many", "Sum", "Chat"])
@pytest.mark.parametrize("way", ["plain", "forwarded"])
async def test_who_leaves_ends_the_handler(federation: Federation, way: str, method: str) -> None:
    async with direct() if way == "plain" else through(federation, CHONGMING, HANGZHOU) as channel:
        before = await _closed(channel)
        step = Step(what="hang", number=1)
        call = channel.call(method, parts([step]) if method in STREAMED else step)
        await asyncio.sleep(0.5)
        call.cancel()
        assert await call.code() is grpc.StatusCode.CANCELLED
        await _until_closed(channel, before + 1)


async def test_a_peer_that_has_enough_ends_a_stream_that_goes_on(forwarded: Way) -> None:
    """The answer counts: grpc.aio overwrites the status of an answered call when a write comes too late."""
    answer = await forwarded.call("Sum", parts([Step(number=7), Step(what="enough"), *[Step()] * 3_000]))
    assert answer.number == 7


async def test_both_logs_tell_what_passed(federation: Federation, forwarded: Way) -> None:
    asking, answering = Log(federation, CHONGMING), Log(federation, HANGZHOU)
    await forwarded.see("Chat", parts([Step(number=one) for one in range(5)]))
    await forwarded.see("Many", Step(what="fail", number=2))
    call = forwarded.call("Many", Step(what="hang"))
    await asyncio.sleep(0.5)
    call.cancel()
    async with asyncio.timeout(20.0):
        while min([len(await asyncio.to_thread(log.records, "Many")) for log in (asking, answering)]) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    told = [
        [(one.id, one.stage, one.error_code, one.answers, one.answer) for one in log.records() if one.stage]
        for log in (asking, answering)
    ]
    assert told[0] == told[1]
    codes = [(stage, code) for _, stage, code, _, _ in told[0]]
    assert codes == [
        (STAGE_OPENED, ""),
        (STAGE_ENDED, ""),
        (STAGE_OPENED, ""),
        (STAGE_ENDED, "SERVICE_STATUS"),
        (STAGE_OPENED, ""),
        (STAGE_UNFINISHED, "CALLER_LEFT"),
    ]
    check_log(federation, CHONGMING, unchecked_seals=None)


async def test_a_slow_reader_fills_no_node(federation: Federation, forwarded: Way) -> None:
    """400 MB would be on their way if somebody kept them."""
    pids = [federation.nodes[member].pid for member in (CHONGMING, HANGZHOU)]
    before_all = await _given(forwarded)
    call = forwarded.call("Many", Step(number=400, data=bytes(MIB)), 60.0)
    for _ in range(3):
        assert await call.read() is not grpc.aio.EOF
        await asyncio.sleep(0.3)
    begun = [_resident(pid) for pid in pids]
    await asyncio.sleep(2.0)
    assert [_resident(pid) - before < 50 * MIB for pid, before in zip(pids, begun, strict=True)] == [True, True]
    assert await _given(forwarded) - before_all < 40
    call.cancel()


async def _given(way: Way) -> int:
    return int((await way.call("One", Step(what="seen"))).what.split()[2])


def _resident(pid: int | None) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * int(os.sysconf("SC_PAGE_SIZE"))


async def test_a_node_that_stops_says_so(federation: Federation, forwarded: Way) -> None:
    call = forwarded.call("Many", Step(what="hang", number=1))
    assert await call.read() is not grpc.aio.EOF
    stopped = await asyncio.to_thread(federation.nodes[HANGZHOU].stop)
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        status = await grpc_status_of(call)
        assert (stopped, caught.value.code()) == (0, grpc.StatusCode.UNAVAILABLE)
        assert status is not None
        refusal = refusal_of(status)
        assert (refusal.code.name, refusal.member) == ("STOPPING", HANGZHOU)
    finally:
        await asyncio.to_thread(federation.nodes[HANGZHOU].start)
