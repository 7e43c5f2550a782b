"""What tests look at: refusals as callers are told them, evidence, and what a call may have left half done."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import CaseState, CaseSummary
from tongban.api.evidence.v1.evidence_pb2 import Evidence
from tongban.core import Party, Refusal
from tongban.core.client import Client
from tongban.core.codes import Code
from tongban.core.evidence import verify_file, write
from tongban.core.testing.federation import Federation, eventually
from tongban.federation.demo.proofs import keys_of

from .people import AGENT, APPLICANT, BORROWER, FIRM

_SECRETS = [secret for party in (AGENT, APPLICANT, BORROWER) for secret in (party.name, party.number)]


def refusal_of(call: Callable[[], object], code: Code) -> Refusal:
    """Return how a call is refused, having checked that its sentences can be shown to anybody."""
    with pytest.raises(Refusal) as caught:
        call()
    refusal = caught.value
    assert refusal.code == code, str(refusal)
    check_sentences([refusal.message, refusal.message_zh, refusal.remedy, refusal.remedy_zh])
    return refusal


def check_sentences(sentences: Iterable[str]) -> None:
    """Check that each sentence says something, shows no inside, and names no person."""
    for sentence in sentences:
        assert sentence
        for inside in ("Traceback", "Error:", "Exception", ".py", "{", *_SECRETS):
            assert inside not in sentence


@dataclass(frozen=True)
class Holdings:
    """What a node holds that a refused call must not change."""

    latest: tuple[str, ...]
    """The cases that changed last, as they are."""
    waiting: tuple[tuple[str, int, int], ...]
    """By peer: messages queued and refused."""
    materials: frozenset[str]


def holdings(federation: Federation, member: str) -> Holdings:
    """Return what a node holds now."""
    with federation.window(member) as window, federation.admin(member) as admin:
        return Holdings(
            latest=tuple(str(one) for one in window.cases(limit=3)),
            waiting=tuple((peer.member, peer.queued, peer.refused) for peer in admin.status().peers),
            materials=_files(federation.places[member].home / "materials"),
        )


def _files(folder: Path) -> frozenset[str]:
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@contextmanager
def nothing_done(federation: Federation, *members: str) -> Iterator[None]:
    """Check that what happens inside leaves no case, message or material at these nodes."""
    for member in members:
        await_delivery(federation, member)
    before = [holdings(federation, member) for member in members]
    yield
    assert [holdings(federation, member) for member in members] == before


def await_delivery(federation: Federation, member: str) -> None:
    """Wait until no message of a node waits for a peer."""
    with federation.admin(member) as admin:
        eventually(lambda: not any(peer.queued for peer in admin.status().peers))


class Log:
    """The evidence that a node writes from now on."""

    def __init__(self, federation: Federation, member: str) -> None:
        self._federation, self._member = federation, member
        with federation.admin(member) as admin:
            self._start = admin.status().evidence_size

    def records(self, method: str = "") -> list[Evidence]:
        """Return the records so far, of the methods that end so."""
        with self._federation.admin(self._member) as admin:
            found = [one for part in admin.evidence(self._start) for one in part.records]
        records = [Evidence.FromString(one.record) for one in found]
        return [one for one in records if one.method.endswith(method) and "ExportEvidence" not in one.method]

    def codes(self, method: str = "") -> list[str]:
        """Return the error codes of the records so far; empty for an answer."""
        return [record.error_code for record in self.records(method)]


def await_state(window: Client, case_id: str, state: "CaseState.ValueType", seconds: float = 30.0) -> CaseSummary:
    """Wait until a window sees a case in this state."""

    def reached() -> CaseSummary | None:
        summary = window.case(case_id).summary
        return summary if summary.state == state else None

    return eventually(reached, seconds)


def submit_company_change(
    window: Client, *, request_id: str | None = None, agent: Party = AGENT, materials: Sequence[CaseMaterial] = ()
) -> str:
    """Hand in a change of the firm's registration and return the case id."""
    answer = window.submit(
        "00013112700402",
        deciding_place="320681",
        applicant=FIRM,
        agent=agent,
        form={"new_address": "启东市虚构路 21 号"},
        request_id=request_id,
        materials=materials,
    )
    return answer.case_id


def check_log(federation: Federation, member: str, *, unchecked_seals: int | None = 0) -> None:
    """Check that the whole evidence log of a node verifies by the keys of the directory.

    Seals of senders that the directory does not list cannot be checked; None: there may be any number of them.
    """
    log = io.BytesIO()
    with federation.admin(member) as admin:
        write(log, admin.evidence())
    log.seek(0)
    found = verify_file(log, keys_of(federation.directory, federation.authority))
    assert found.problems == []
    assert unchecked_seals in (None, found.unchecked_seals)
    assert found.records == found.covered


def check_journals(federation: Federation) -> None:
    """Check that the nodes logged in whole lines, and no error but those that plugins made.

    Newer releases of gRPC write lines of their own, as in ``I1122 00:51:57.972008 7962 file.cc:1] text``.
    """
    for node in federation.nodes.values():
        for line in node.log.read_text("utf-8").splitlines():
            if re.match(r"[IWE]\d{4} \d\d:\d\d:\d\d", line):
                continue
            entry = json.loads(line)
            assert entry["level"] != "error" or entry["part"] == "tongban.federation.plugins.running", line
