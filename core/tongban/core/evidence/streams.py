"""Streams in an evidence log: each opening has its end, and a sealed end proves what the record counts."""

from hashlib import sha256

from google.protobuf.message import DecodeError

from tongban.api.evidence.v1.evidence_pb2 import STAGE_ENDED, STAGE_OPENED, Evidence
from tongban.api.exchange.v1.exchange_pb2 import Header, StreamEnd


class Streams:
    """The streams that a log has told of so far."""

    def __init__(self) -> None:
        self._open: set[tuple[int, str]] = set()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def add(self, evidence: Evidence) -> bool:
        """Take a record; return whether it counts what the sealed end that it holds says."""
        stream = (evidence.side, evidence.id)
        if evidence.stage == STAGE_OPENED:
            self._open.add(stream)
        elif evidence.stage:
            self._open.discard(stream)
        return evidence.stage != STAGE_ENDED or not evidence.answer.body or _fits(evidence)


def _fits(evidence: Evidence) -> bool:
    """Say whether end and record agree on the answers; of requests, the asker may have sent more."""
    body = evidence.answer.body
    try:
        header, end = Header.FromString(evidence.answer.header), StreamEnd.FromString(body)
    except DecodeError:
        return False
    return sha256(body).digest() == header.body_digest and end.answers == evidence.answers
