"""The parts of a material on their way: in order, not too many at once, and none is left behind."""

import asyncio

import pytest

from tongban.federation.exchange.carrier import Terms
from tongban.federation.materials import types
from tongban.federation.materials.line import LEAST_PART, MOST_PART, Line, Peer

SIZE = 40 * LEAST_PART
CONTENT = bytes(range(256)) * (SIZE // 256)


class Source:
    """Gives parts of the content, later ones sooner; fails where it is told to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.asked: list[int] = []
        self.most = self.now = 0
        self._fails_at = fails_at

    async def __call__(self, offset: int, size: int) -> bytes:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.01 if len(self.asked) % 2 else 0.0)
            if offset <= self._fails_at < offset + size:
                raise ConnectionError
            self.asked.append(offset)
            return CONTENT[offset : offset + size]
        finally:
            self.now -= 1


async def brought(peer: Peer, source: Source, begin: int = 0) -> bytes:
    content = CONTENT[:begin]
    async with Line(peer, source, begin, SIZE) as line:
        while len(content) < SIZE:
            content += await line.take()
    return content


async def test_parts_come_in_order_and_several_at_the_same_time() -> None:
    peer, source = Peer(Terms()), Source()
    assert await brought(peer, source) == CONTENT
    assert source.most == Terms().parts
    assert await brought(peer, Source(), 1000) == CONTENT


async def test_all_lines_to_a_peer_together_have_so_many_parts_under_way() -> None:
    peer, source = Peer(Terms()), Source()
    assert await asyncio.gather(*(brought(peer, source) for _ in range(5))) == [CONTENT] * 5
    assert source.most == Terms().parts


async def test_a_carrier_that_takes_hours_has_more_parts_under_way() -> None:
    peer, source = Peer(Terms(at_once=False, parts=9)), Source()
    peer.part = LEAST_PART
    assert await brought(peer, source) == CONTENT
    assert source.most == 9


async def test_a_line_that_breaks_gives_back_what_it_held() -> None:
    peer = Peer(Terms())
    for fails_at in (0, LEAST_PART, SIZE // 2, SIZE - 1):
        with pytest.raises(ConnectionError):
            await brought(peer, Source(fails_at))
    task = asyncio.create_task(brought(peer, Source()))
    await asyncio.sleep(0.015)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert peer.slots._value == Terms().parts
    assert await brought(peer, Source()) == CONTENT


def test_parts_are_large_on_a_quick_line_and_small_on_a_slow_one() -> None:
    peer = Peer(Terms())
    for _ in range(10):
        peer.took(peer.part, 0.1, came=True)
    assert peer.part == MOST_PART
    peer.took(peer.part, 3.0, came=True)
    assert peer.part == MOST_PART
    for _ in range(10):
        peer.took(peer.part, 30.0, came=True)
    assert peer.part == LEAST_PART


async def test_parts_that_are_refused_say_nothing_about_the_line() -> None:
    async def refuse(offset: int, size: int) -> bytes:
        raise ConnectionError

    peer = Peer(Terms())
    for _ in range(4):
        with pytest.raises(ConnectionError):
            async with Line(peer, refuse, 0, SIZE) as line:
                await line.take()
    assert peer.part == LEAST_PART


def test_parts_of_a_carrier_that_takes_hours_are_large() -> None:
    peer = Peer(Terms(at_once=False))
    peer.took(MOST_PART, 10_000.0, came=True)
    assert peer.part == MOST_PART


FITTING = {
    "application/pdf": [b"%PDF-1.7", b"\n\n scanned %PDF-1.4"],
    "application/ofd": [b"PK\x03\x04rest"],
    "image/jpeg": [b"\xff\xd8\xff\xe0"],
    "image/tiff": [b"II*\0rest", b"MM\0*rest"],
    "image/webp": [b"RIFF\0\0\0\0WEBPVP8 "],
    "video/mp4": [b"\0\0\0\x18ftypmp42"],
    "text/plain": ["申请书\r\n".encode(), "申请书".encode("gb18030"), "申请书".encode("utf-16"), b""],
    "application/x-unknown": [b"anything", bytes(10)],
}


@pytest.mark.parametrize("media_type", FITTING)
def test_first_bytes_fit_their_type_only(media_type: str) -> None:
    assert not any(types.problem_of(media_type, head) for head in FITTING[media_type])
    if media_type != "application/x-unknown":
        others = [b"MZ\0\0", bytes(100)]
        assert all(media_type in types.problem_of(media_type, head) for head in others)
