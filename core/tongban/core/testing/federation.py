"""A whole federation of real nodes on this machine, for tests, demonstrations and plugin authors.

with Federation.lay_out(Path("plan.toml"), folder) as federation:
federation.start()
window = federation.window("310151")
"""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP, WINDOW_ROLE_OFFICER
from tongban.api.documents.v1.documents_pb2 import Document, SignedDocument
from tongban.core.client import AdminClient, Client, Context
from tongban.core.errors import Refusal
from tongban.core.testing.processes import NodeProcess, command
from tongban.core.testing.proxy import FaultProxy

WINDOW = "hall-1"
"""Id of the window that every node of a practice federation gets; it has all roles."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node of the federation is."""

    member: str
    name: str
    home: Path
    windows: str
    peers: str
    socket: Path
    certificate: Path


class Federation:
    """A practice federation: laid out from a plan by ``tongban practice``, its nodes processes of this machine."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Take a federation that was laid out in this folder; its nodes get this environment besides."""
        laid_out = json.loads((folder / "practice.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.directory = Path(laid_out["directory"])
        self.authority = Path(laid_out["authority"]) / "authority.pem"
        self.agreements = [Path(path) for path in laid_out["agreements"]]
        self.places = {node["member"]: _place(node) for node in laid_out["nodes"]}
        self.nodes = {member: NodeProcess(place.home, environment or {}) for member, place in self.places.items()}
        self.tokens: dict[str, str] = {}

    @classmethod
    def lay_out(
        cls,
        plan: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        proxies: Mapping[str, FaultProxy] | None = None,
    ) -> "Federation":
        """Lay a federation out in a new folder; its nodes get this environment besides that of this process.

        Other nodes reach a member that has a proxy through it.

        Raises:
            subprocess.CalledProcessError: the plan is wrong; its output says how.
        """
        endpoints = [f"--endpoint={member}={proxy.address}" for member, proxy in (proxies or {}).items()]
        arguments = command("practice", str(plan), str(folder), *endpoints)
        try:
            subprocess.run(arguments, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise
        federation = cls(folder, environment)
        for member, proxy in (proxies or {}).items():
            proxy.target = federation.places[member].peers
        return federation

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill all nodes."""
        for node in self.nodes.values():
            node.kill()

    def start(self) -> Self:
        """Start all nodes, give them their documents and a window each, and wait until they know each other's items.

        Raises:
            RuntimeError: a plugin could not be loaded, and why; the nodes are killed again.
        """
        try:
            for node in self.nodes.values():
                node.start(wait=False)
            for node in self.nodes.values():
                node.await_ready()
            for member in self.nodes:
                self._join(member)
            self.await_catalogues()
        except BaseException:
            self.kill()
            raise
        return self

    def admin(self, member: str) -> AdminClient:
        """Return an operator's client of a node."""
        return AdminClient(self.places[member].socket)

    def window(self, member: str, *, officer: str = "zhang.w", timeout: float = 10.0) -> Client:
        """Return a window's client of a node."""
        place = self.places[member]
        context = Context(officer=officer)
        token = self.tokens[member]
        return Client(place.windows, token=token, ca=place.certificate, context=context, timeout=timeout)

    def await_catalogues(self, seconds: float = 30.0) -> None:
        """Wait until every node holds the catalogue of every node that runs."""
        running = [member for member, node in self.nodes.items() if node.running]
        for member in running:
            with self.admin(member) as admin:
                eventually(lambda admin=admin: self._holds(admin, running), seconds)  # type: ignore[misc]

    def _holds(self, admin: AdminClient, members: Sequence[str]) -> bool:
        names = {head.name for head in admin.documents()}
        return all(f"catalogue/{member}" in names for member in members)

    def _join(self, member: str) -> None:
        with self.admin(member) as admin:
            for plugin in admin.plugins():
                if not plugin.loaded:
                    raise RuntimeError(f"{member}: the plugin {plugin.name} could not be loaded: {plugin.problem}")
            for path in (self.directory, *self._agreements_of(member)):
                admin.import_document(SignedDocument.FromString(path.read_bytes()))
            roles = [WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP, WINDOW_ROLE_OFFICER]
            self.tokens[member] = admin.add_window(WINDOW, f"{self.places[member].name}窗口", roles)

    def _agreements_of(self, member: str) -> list[Path]:
        def parties(path: Path) -> Sequence[str]:
            signed = SignedDocument.FromString(path.read_bytes())
            return Document.FromString(signed.document).agreement.parties

        return [path for path in self.agreements if member in parties(path)]


def eventually(probe: Callable[[], T | None], seconds: float = 30.0, pause: float = 0.02) -> T:
    """Return what a probe gives once it gives something true; refusals on the way are taken as "not yet".

    Raises:
        TimeoutError: it did not within these seconds; the last refusal is its cause.
    """
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            found = probe()
            if found:
                return found
        except Refusal as refusal:
            last = refusal
        time.sleep(pause)
    raise TimeoutError(f"not within {seconds:g} s") from last


def _place(node: dict[str, str]) -> Place:
    return Place(
        member=node["member"],
        name=node["name"],
        home=Path(node["home"]),
        windows=node["windows"],
        peers=node["peers"],
        socket=Path(node["socket"]),
        certificate=Path(node["certificate"]),
    )
