"""Evidence logs as files, and their verification by anybody who has the file: no node is needed.

A log is a file of length-delimited `ExportEvidenceResponse` messages. `verify_file` finds every altered byte and
names the record or checkpoint that holds it.
"""

from collections.abc import Iterator
from typing import BinaryIO

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse
from tongban.core.evidence.file import END, EvidenceUnreadable, read, write
from tongban.core.evidence.problems import Findings, Problem
from tongban.core.evidence.verify import verify
from tongban.core.sealing import Keys

__all__ = ["EvidenceUnreadable", "Findings", "Problem", "read", "verify", "verify_file", "write"]


def verify_file(file: BinaryIO, keys: Keys | None = None) -> Findings:
    """Verify a log that `write` wrote; see `verify`."""
    broken: list[Problem] = []
    findings = verify(_readable_parts(file, broken), keys)
    if not findings.member and broken:
        findings.problems = broken  # it is no log at all
    elif broken and (not findings.problems or broken[0].place != END):
        findings.problems += broken  # else the problems say which byte it is; the digest over all says nothing more
    return findings


def _readable_parts(file: BinaryIO, broken: list[Problem]) -> Iterator[ExportEvidenceResponse]:
    try:
        yield from read(file)
    except EvidenceUnreadable as error:
        broken.append(Problem(error.place, error.what))
