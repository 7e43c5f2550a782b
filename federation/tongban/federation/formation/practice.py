"""A whole federation on one machine, for practice: keys, settings, directory and agreements from one plan.

All keys lie in one folder, so it proves nothing about anybody. Nothing is started.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.core.signing import LocalSigner
from tongban.federation import settings
from tongban.federation.formation import authority
from tongban.federation.formation.agreement import AgreementTerms, draft
from tongban.federation.formation.errors import FormationError, parsed, read_toml
from tongban.federation.formation.node import CARD, NewNode, init_node
from tongban.federation.formation.ports import free_address
from tongban.federation.formation.seals import add_seal, write_document
from tongban.federation.settings_table import Address, Table

FILE = "practice.json"
"""Says where everything is: a `Practice` as JSON."""


class PlannedNode(Table):
    """A table ``[[node]]``."""

    member: str
    name: str
    windows: Address | None = None
    """Where windows call; left out, a free port of this machine."""
    peers: Address | None = None
    """Where other nodes call; left out, a free port of this machine."""
    endpoint: Address | None = None
    """Where the directory says that other nodes reach it, as behind a proxy; left out, where it listens."""
    plugins: dict[str, dict[str, object]] = Field(default={})
    """Enabled plugins, each with its settings."""
    files: list[str] = Field(default=[])
    """Files for plugins, beside the plan; they are copied into the node's folder."""


class Plan(Table):
    """The whole file."""

    federation: str
    valid_days: int = Field(30, ge=1, le=3660)
    node: list[PlannedNode] = Field(min_length=1)
    agreement: list[AgreementTerms] = Field(default=[])


@dataclass(frozen=True, slots=True)
class PracticeNode:
    """Where one node is."""

    member: str
    name: str
    home: str
    windows: str
    peers: str
    socket: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Practice:
    """Where everything is."""

    federation: str
    authority: str
    directory: str
    agreements: list[str]
    nodes: list[PracticeNode]


def read_plan(path: Path) -> Plan:
    """Read the plan of a practice federation.

    Raises:
        FormationError: with every error of the file's form.
    """
    return parsed(Plan, read_toml(path, "plan of a federation"), f"{path} cannot be used")


def with_endpoints(plan: Plan, endpoints: Mapping[str, str]) -> Plan:
    """Return the plan with other endpoints of some members.

    Raises:
        FormationError: a member is not in the plan.
    """
    if unknown := set(endpoints) - {node.member for node in plan.node}:
        problems = [f"{member} has no table [[node]]; correct the id" for member in sorted(unknown)]
        raise FormationError("an endpoint cannot be set", problems)
    nodes = [node.model_copy(update={"endpoint": endpoints.get(node.member, node.endpoint)}) for node in plan.node]
    return plan.model_copy(update={"node": nodes})


def practice(plan: Plan, folder: Path, files: Path, now: datetime) -> Practice:
    """Lay out a federation in a new folder; `files` is where the files for plugins are.

    Raises:
        FormationError: the folder is not empty, or the plan is wrong; nothing is left behind.
    """
    folder = folder.absolute()
    problems = [*_problems_of_plan(plan, files), *_problems_of_folder(folder)]
    if problems:
        raise FormationError("the practice federation cannot be laid out", problems)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _laid_out(plan, folder, files, now)
    except FormationError:
        shutil.rmtree(folder)
        raise


def _laid_out(plan: Plan, folder: Path, files: Path, now: datetime) -> Practice:
    drafts = [draft(terms, now) for terms in plan.agreement]
    key = authority.init_authority(folder / "authority", plan.federation)
    nodes = [_node(node, key, folder, files, now) for node in _with_addresses(plan)]
    directory = authority.publish(folder / "authority", authority.Age(plan.valid_days, plan.valid_days), now)
    agreements = [_signed(terms, one, folder) for terms, one in zip(plan.agreement, drafts, strict=True)]
    laid_out = Practice(plan.federation, str(folder / "authority"), str(directory), agreements, nodes)
    (folder / FILE).write_text(json.dumps(asdict(laid_out), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return laid_out


def _problems_of_folder(folder: Path) -> Iterator[str]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        yield f"{folder} is not empty; name a new folder"


def _problems_of_plan(plan: Plan, files: Path) -> Iterator[str]:
    count = Counter(node.member for node in plan.node)
    yield from (f"node: {member} is there twice; remove one" for member in count if count[member] > 1)
    for terms in plan.agreement:
        for party in set(terms.parties) - set(count):
            yield f"agreement {terms.name}: its party {party} has no table [[node]]; add one"
    for node in plan.node:
        for name in node.files:
            if not (files / name).is_file():
                yield f"node {node.member}: there is no file {files / name}; correct its name"


def _with_addresses(plan: Plan) -> list[PlannedNode]:
    """Return the nodes with addresses; those that the plan leaves open get ports that are free now."""
    with ExitStack() as held:
        return [
            node.model_copy(
                update={"windows": node.windows or free_address(held), "peers": node.peers or free_address(held)},
            )
            for node in plan.node
        ]


def _node(node: PlannedNode, authority_key: Path, folder: Path, files: Path, now: datetime) -> PracticeNode:
    home = folder / node.member
    windows, peers = str(node.windows), str(node.peers)
    new = NewNode(
        node.member, node.name, windows, peers, node.endpoint or "", authorities=[authority_key], plugins=node.plugins
    )
    init_node(home, new, now)
    for name in node.files:
        shutil.copy(files / name, home / Path(name).name)
    authority.add_member(authority_key.parent, home / CARD)
    socket_path, certificate = home / settings.AdminDoor().socket, home / settings.KeyFiles().certificate
    return PracticeNode(node.member, node.name, str(home), windows, peers, str(socket_path), str(certificate))


def _signed(terms: AgreementTerms, agreement: SignedDocument, folder: Path) -> str:
    for party in terms.parties:
        agreement = add_seal(LocalSigner.load(folder / party / settings.KeyFiles().organisation), agreement)
    path = folder / f"{'-'.join(sorted(terms.parties))}-{terms.name}.signed"
    write_document(path, agreement)
    return str(path)
