"""One large material through two real nodes: what it costs them in memory, and how fast it goes.

python -m tests.rigs.material_rig --megabytes 1024
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_CORRECTION
from tongban.core.client import Client
from tongban.core.testing.federation import Federation, eventually

from . import plan
from .plan import AGENT, FIRM, HANDLING, INTAKE, ITEM

MIB = 1 << 20
_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What it took."""

    size: int
    uploaded: float
    """Seconds of the upload, the window's own reading for the digest included."""
    fetched: float
    """Seconds from the receipt until the handler had been asked."""
    other: float
    """Seconds from receipt to handler of a small case that was taken in while the large material was on its way."""
    overtook: bool
    """Whether the small case was done before the large one."""
    grown: dict[str, int]
    """Most bytes of memory of each node, above what it had before."""
    records: dict[str, int]
    """Records of evidence that came to each node's log."""

    def __str__(self) -> str:
        rates = [
            f"{what} {self.size / MIB / seconds:.0f} MiB/s"
            for what, seconds in (("uploaded with", self.uploaded), ("fetched with", self.fetched))
        ]
        grown = ", ".join(f"{member} {count / MIB:.1f} MiB" for member, count in self.grown.items())
        records = ", ".join(f"{member} {count}" for member, count in self.records.items())
        return (
            f"{self.size / MIB:.0f} MiB: {', '.join(rates)}; a small case meanwhile {self.other:.2f} s"
            f"{'' if self.overtook else ' (behind the large one)'}; grown by {grown}; records: {records}"
        )


@dataclass(slots=True)
class Rig:
    """A federation under way, and its two windows."""

    federation: Federation
    clerk: Client
    officer: Client

    def run(self, path: Path) -> Run:
        """Upload a file, hand it in, and wait until the handler has been asked."""
        self._case(self.upload(b"one that warms up"))
        before, records = {member: self._forget_peak(member) for member in self.federation.nodes}, self._records()
        began = time.monotonic()
        large = self.upload(path)
        uploaded = time.monotonic() - began
        case_id, began = self.submit(large), time.monotonic()
        other = self._case(self.upload(b"one on the way"))
        overtook = not self._asked(case_id)
        self.await_handler(case_id)
        fetched = time.monotonic() - began
        grown = {member: self._memory(member, "VmHWM") - resident for member, resident in before.items()}
        added = {member: count - records[member] for member, count in self._records().items()}
        return Run(path.stat().st_size, uploaded, fetched, other, overtook, grown, added)

    def _case(self, material: CaseMaterial) -> float:
        began = time.monotonic()
        self.await_handler(self.submit(material))
        return time.monotonic() - began

    def upload(self, source: Path | bytes) -> CaseMaterial:
        return self.clerk.upload(source, code="application", name="变更登记申请书.bin")

    def submit(self, material: CaseMaterial) -> str:
        form = {"new_address": "启东市虚构路 1 号"}
        receipt = self.clerk.submit(
            ITEM, deciding_place=HANDLING, applicant=FIRM, agent=AGENT, form=form, materials=[material]
        )
        return receipt.case_id

    def await_handler(self, case_id: str) -> None:
        eventually(lambda: self._asked(case_id), seconds=_SECONDS)

    def _asked(self, case_id: str) -> bool:
        return self.officer.case(case_id).summary.state == CASE_STATE_CORRECTION

    def _records(self) -> dict[str, int]:
        found = {}
        for member in self.federation.nodes:
            with self.federation.admin(member) as admin:
                found[member] = admin.status().evidence_size
        return found

    def _forget_peak(self, member: str) -> int:
        """Have the kernel count the most memory of a node anew, and return what it has now (proc(5), clear_refs)."""
        Path(f"/proc/{self.federation.nodes[member].pid}/clear_refs").write_text("5", encoding="ascii")
        return self._memory(member, "VmRSS")

    def _memory(self, member: str, name: str) -> int:
        status = Path(f"/proc/{self.federation.nodes[member].pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))


def allow_large(folder: Path) -> None:
    """Have the item of a plan take as much as a material may have."""
    items = folder / "items.toml"
    text = items.read_text(encoding="utf-8")
    items.write_text(text.replace('code = "application"', f'code = "application"\nmax_bytes = {16 << 30}'), "utf-8")


def run(folder: Path, megabytes: int) -> Run:
    """Run the rig in a new folder with a material of so many MiB."""
    written = plan.write(folder / "plan")
    allow_large(folder / "plan")
    large = folder / "large.bin"
    with large.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MIB))
    with Federation.lay_out(written, folder / "f") as federation:
        federation.start()
        with federation.window(INTAKE, timeout=60.0) as clerk, federation.window(HANDLING) as officer:
            return Rig(federation, clerk, officer).run(large)


def main() -> int:
    """Run the rig from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the material, MiB")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        print(run(Path(folder), chosen.megabytes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
