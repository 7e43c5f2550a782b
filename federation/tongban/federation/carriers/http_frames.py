"""How batches travel by HTTP: a request holds one; the response is frames, each with its length before it."""

from collections.abc import Iterator
from struct import Struct

from tongban.federation.exchange.frames import MOST_FRAME

PATH = "/tongban/exchange"
MEDIA_TYPE = "application/vnd.tongban.exchange"

LINK = "tongban-link"
"""Header with what the asking node calls itself until it stops: only who knows it can cancel, a change is a restart."""

_LENGTH = Struct(">I")


class NoFrame(ValueError):
    """What came is no frame: one that is empty, or longer than anybody sends."""


def framed(data: bytes) -> bytes:
    """Return a frame."""
    return _LENGTH.pack(len(data)) + data


class FrameReader:
    """Takes frames out of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def between_frames(self) -> bool:
        """Whether the last frame is whole."""
        return not self._held

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take a piece; yield the frames that are whole now.

        Raises:
            NoFrame: the length of a frame is impossible.
        """
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if not 0 < length <= MOST_FRAME:
                raise NoFrame
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            yield bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
