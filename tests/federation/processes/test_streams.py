"""A forwarded call is seen by its client as a direct one is, for every way of streaming."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

from tongban.core.testing.federation import Federation

from ..scripted.tongban_scripted import METHODS, Step
from .direct import Way, direct, parts, through
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
