"""How the node is, for its operators: what it holds, what waits, what is wrong and what to do about it."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Protocol

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from tongban.api.admin.v1 import admin_pb2 as pb
from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.documents import Freshness
from tongban.core.times import micros, timestamp
from tongban.federation.exchange.endpoints import EndpointState
from tongban.federation.plugins.loading import Loaded
from tongban.federation.resources import Resources
from tongban.federation.store.rows import OutboxCount

_ENOUGH = 1000


class Links(Protocol):
    """Says how the links to peers are."""

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer, as in the settings."""
        ...

    def problem(self, peer: str) -> str | None:
        """Return None if the link to a peer stands, else why not; empty if nobody has needed it yet."""
        ...

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        """Return how the endpoints of a peer stand; none if its carrier dials none, or nobody has needed it yet."""
        ...


class Status:
    """Tells the state of the node."""

    def __init__(self, resources: Resources, links: Links, plugins: Sequence[Loaded]) -> None:
        self._resources = resources
        self._links = links
        self._plugins = plugins
        self._started = resources.clock()

    async def tell(self) -> pb.GetStatusResponse:
        """Return the state of the node now."""
        settings, store = self._resources.settings, self._resources.store
        failing = [row for row in await store.work_due(micros(self._resources.clock()) * 2, _ENOUGH) if row.attempt]
        peers = self._peers(await store.outbox_counts())
        documents = self._documents()
        return pb.GetStatusResponse(
            member=settings.member,
            name=settings.name,
            version=version("tongban"),
            grpcio=version("grpcio"),
            started_at=timestamp(self._started),
            windows_endpoint=settings.windows.listen,
            peers_endpoint=settings.peers.listen,
            peers=peers,
            documents=documents,
            evidence_size=await store.evidence_size(),
            handlers_failing=len(failing),
            problems=self._problems(peers, documents, len(failing)),
            load=self._load(),
        )

    def _load(self) -> pb.LoadStatus:
        admission = self._resources.admission
        return pb.LoadStatus(
            calls=len(admission.calls),
            streams=len(admission.streams),
            questions=len(admission.questions),
            shed=admission.shed,
            over_quota=self._resources.quotas.refused,
            unproven=admission.unproven,
        )

    def _peers(self, counts: list[OutboxCount]) -> list[pb.PeerStatus]:
        numbers = {(count.peer, count.state): count.count for count in counts}
        members = self._resources.keeper.view.members
        return [
            pb.PeerStatus(
                member=id_,
                name=members[id_].name,
                linked=self._problem(id_) is None,
                queued=numbers.get((id_, "queued"), 0),
                refused=numbers.get((id_, "refused"), 0),
                problem=self._problem(id_) or "",
                carrier=self._carrier(id_),
                endpoints=map(_endpoint, self._links.endpoints(self._next(id_))),
            )
            for id_ in sorted(members)
            if id_ != self._resources.member
        ]

    def _problem(self, peer: str) -> str | None:
        return self._links.problem(self._next(peer))

    def _next(self, peer: str) -> str:
        return self._resources.asking.routes.next(peer)

    def _carrier(self, peer: str) -> str:
        return "relay" if peer in self._resources.asking.routes.relays else self._links.kind(peer)

    def _documents(self) -> list[pb.DocumentStatus]:
        now, held = self._resources.clock(), self._resources.keeper.view.documents
        return [
            pb.DocumentStatus(head=held[name].head(), freshness=_freshness(held[name].freshness(now)))
            for name in sorted(held)
        ]

    def _problems(self, peers: list[pb.PeerStatus], documents: list[pb.DocumentStatus], failing: int) -> list[str]:
        problems = [] if self._resources.keeper.view.directory else ["no directory: tongban directory import FILE"]
        problems.extend(self._certificate_problems())
        problems.extend(
            f"plugin {plugin.name} is not loaded: {plugin.problem}; its items stay published"
            for plugin in self._plugins
            if plugin.brought is None
        )
        for one in documents:
            if one.freshness != pb.FRESHNESS_FRESH:
                state = pb.Freshness.Name(one.freshness).removeprefix("FRESHNESS_").lower()
                problems.append(f"{one.head.name} is {state}: import a newer version from its issuer")
        for peer in peers:
            if peer.queued and peer.problem:
                problems.append(f"{peer.queued} messages wait for {peer.member}: {peer.problem}")
            if self._resources.outbox.full(peer.member):
                problems.append(f"cases for {peer.member} are refused: {peer.queued} messages wait, and no more may")
            if peer.refused:
                problems.append(f"{peer.member} refused {peer.refused} messages: see tongban case list")
        if failing:
            problems.append(f"{failing} cases wait for their handler or materials: `tongban case show` says why")
        return problems

    def _certificate_problems(self) -> Iterator[str]:
        """Yield what is wrong with the certificate that this node shows; peers let in only what the directory lists."""
        view, path = self._resources.keeper.view, self._resources.home / self._resources.settings.keys.certificate
        own = view.members.get(self._resources.member, Member())
        try:
            shown = load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
        except (OSError, ValueError):
            yield f"{path} cannot be read as a certificate in PEM form: put it back from a backup"
            return
        if view.directory and shown not in [node.certificate for node in own.nodes]:
            remedy = "tongban directory add member.card, publish, and import at every node"
            yield f"peers refuse this node: the directory does not list the certificate that it shows ({remedy})"


def _endpoint(one: EndpointState) -> pb.EndpointStatus:
    return pb.EndpointStatus(
        endpoint=one.endpoint,
        state=pb.EndpointState.Value(f"ENDPOINT_STATE_{one.state.name}"),
        failures=one.failures,
        retry_ms=int(one.retry_seconds * 1000),
        problem=one.problem,
    )


def _freshness(value: Freshness) -> "pb.Freshness.ValueType":
    return pb.Freshness.Value(f"FRESHNESS_{value.name}")
