"""What a run leaves for the judge: the history, and what each node shows and has logged in the end."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tongban.api.admin.v1.admin_pb2 import GetStatusResponse
from tongban.api.cases.v1.acts_pb2 import Act, SignedEvent
from tongban.api.cases.v1.cases_pb2 import GetCaseResponse
from tongban.core.evidence import write
from tongban.core.sealing import KeyRing
from tongban.core.testing.federation import Federation
from tongban.federation.demo.proofs import keys_of

from . import history
from .history import Entry
from .plan import HANDLING, INTAKE

MOST_CASES = 1000


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node in the end."""

    member: str
    cases: tuple[GetCaseResponse, ...]
    """Every case, as a window is shown it."""
    log: bytes
    """The exported evidence log."""
    status: GetStatusResponse

    def case(self, case_id: str) -> GetCaseResponse | None:
        """Return a case of the node."""
        return next((case for case in self.cases if case.summary.case_id == case_id), None)


@dataclass(frozen=True, slots=True)
class Recorded:
    """All that is judged."""

    entries: tuple[Entry, ...]
    intake: NodeRecord
    handling: NodeRecord
    keys: KeyRing
    """Keys of the directory."""

    @property
    def nodes(self) -> tuple[NodeRecord, NodeRecord]:
        """Both nodes."""
        return self.intake, self.handling

    def node(self, member: str) -> NodeRecord:
        """Return the node of a member."""
        return self.intake if member == self.intake.member else self.handling

    def acknowledged(self, *operations: str) -> list[Entry]:
        """Return those of these operations that were answered."""
        return [entry for entry in self.entries if entry.operation in operations and entry.outcome == history.OK]


def acts(events: Iterable[SignedEvent]) -> list[Act]:
    """Return the acts of a case in their order."""
    return [Act.FromString(one.act.act) for one in events]


def collect(federation: Federation, folder: Path) -> None:
    """Ask both nodes for all that the judge needs, beside the history in this folder."""
    for member in federation.places:
        _collect_node(federation, member, folder / member)
    shutil.copy(federation.directory, folder / "directory.signed")
    shutil.copy(federation.authority, folder / "authority.pem")


def load(folder: Path) -> Recorded:
    """Read what a run left in a folder."""
    keys = keys_of(folder / "directory.signed", folder / "authority.pem")
    entries = history.read(folder / "history.jsonl")
    return Recorded(entries, _node(folder / INTAKE), _node(folder / HANDLING), keys)


def _collect_node(federation: Federation, member: str, folder: Path) -> None:
    folder.mkdir()
    with federation.window(member) as window:
        for summary in window.cases(limit=MOST_CASES):
            case = window.case(summary.case_id)
            (folder / f"{summary.case_id}.case").write_bytes(case.SerializeToString())
    with federation.admin(member) as admin:
        with (folder / "evidence").open("wb") as log:
            write(log, admin.evidence())
        (folder / "status").write_bytes(admin.status().SerializeToString())


def _node(folder: Path) -> NodeRecord:
    cases = tuple(GetCaseResponse.FromString(path.read_bytes()) for path in sorted(folder.glob("*.case")))
    status = GetStatusResponse.FromString((folder / "status").read_bytes())
    return NodeRecord(folder.name, cases, (folder / "evidence").read_bytes(), status)
