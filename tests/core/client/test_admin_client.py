"""The operator's client over a Unix socket, with a little node behind it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest

from tongban.api.admin.v1 import admin_pb2 as pb
from tongban.api.admin.v1.admin_pb2_grpc import AdminServiceServicer, add_AdminServiceServicer_to_server
from tongban.api.catalogue.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from tongban.api.documents.v1.documents_pb2 import DocumentHead, SignedDocument
from tongban.api.documents.v1.documents_pb2_grpc import add_DocumentServiceServicer_to_server
from tongban.api.evidence.v1.evidence_pb2 import EvidenceRecord
from tongban.core import Refusal, codes
from tongban.core.client import AdminClient
from tongban.core.times import timestamp

A = TypeVar("A")

REVOKED = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


class Operations(AdminServiceServicer):
    """What an operator may ask of the little node."""

    def __init__(self, node: Any) -> None:
        self.node, self.registered, self.asked, self.failing = node, list[pb.Window](), 0, False

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        self.asked += 1
        if self.failing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "in trouble")
        return pb.GetStatusResponse(member="310151")

    async def AddWindow(self, request: pb.AddWindowRequest, context: Any) -> pb.AddWindowResponse:
        if request.window_id in {window.window_id for window in self.registered}:
            await self.node.refuse(context, Refusal(codes.WINDOW_EXISTS, {"window": request.window_id}))
        self.registered.append(pb.Window(window_id=request.window_id, name=request.name, roles=request.roles))
        return pb.AddWindowResponse(token="shown once")

    async def RevokeWindow(self, request: pb.RevokeWindowRequest, context: Any) -> pb.RevokeWindowResponse:
        if request.window_id not in {window.window_id for window in self.registered}:
            await self.node.refuse(context, Refusal(codes.WINDOW_NOT_FOUND, {"window": request.window_id}))
        return pb.RevokeWindowResponse(revoked_at=timestamp(REVOKED))

    async def ListWindows(self, request: pb.ListWindowsRequest, context: Any) -> pb.ListWindowsResponse:
        return pb.ListWindowsResponse(windows=self.registered)

    async def ImportDocument(self, request: pb.ImportDocumentRequest, context: Any) -> pb.ImportDocumentResponse:
        digest = sha256(request.document.document).hexdigest()
        self.node.held[digest] = request.document
        return pb.ImportDocumentResponse(head=DocumentHead(digest=digest))

    async def SignAgreement(self, request: pb.SignAgreementRequest, context: Any) -> pb.SignAgreementResponse:
        request.document.seals.add(key_id="310151")
        return pb.SignAgreementResponse(document=request.document)

    async def ListPlugins(self, request: pb.ListPluginsRequest, context: Any) -> pb.ListPluginsResponse:
        return pb.ListPluginsResponse(plugins=[pb.Plugin(name="identity", loaded=True)])

    async def ExportEvidence(
        self, request: pb.ExportEvidenceRequest, context: Any
    ) -> AsyncIterator[pb.ExportEvidenceResponse]:
        if request.start > 3:
            await self.node.refuse(context, Refusal(codes.INVALID_FIELD, field="start", rule="at most 3"))
        for position in range(request.start, 3):
            yield pb.ExportEvidenceResponse(records=[EvidenceRecord(position=position)])


class Operator:
    """Asks the little node through its socket."""

    def __init__(self, socket: Path, operations: Operations) -> None:
        self.socket, self.operations = socket, operations

    async def ask(self, question: Callable[[AdminClient], A]) -> A:
        def threaded() -> A:
            with AdminClient(self.socket) as client:
                return question(client)

        return await asyncio.to_thread(threaded)


@pytest.fixture
async def operator(node: Any) -> AsyncIterator[Operator]:
    operations, server = Operations(node), grpc.aio.server()
    add_AdminServiceServicer_to_server(operations, server)
    add_CatalogueServiceServicer_to_server(node, server)
    add_DocumentServiceServicer_to_server(node, server)
    # pytest's own folder may be too deep for a socket's path.
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "admin.sock"
        server.add_insecure_port(f"unix:{socket}")
        await server.start()
        yield Operator(socket, operations)
        await server.stop(None)


async def test_an_operator_sees_how_the_node_is(operator: Operator) -> None:
    assert (await operator.ask(lambda client: client.status())).member == "310151"
    assert [plugin.name for plugin in await operator.ask(lambda client: client.plugins())] == ["identity"]


async def test_a_window_is_registered_once_and_listed(operator: Operator) -> None:
    def add(client: AdminClient) -> str:
        return client.add_window("hall-1", "一号窗口", [pb.WINDOW_ROLE_INTAKE, pb.WINDOW_ROLE_LOOKUP])

    assert await operator.ask(add) == "shown once"
    assert await operator.ask(lambda client: client.windows()) == operator.operations.registered
    [window] = operator.operations.registered
    assert (window.window_id, window.name, list(window.roles)) == ("hall-1", "一号窗口", [1, 2])
    with pytest.raises(Refusal) as caught:
        await operator.ask(add)
    assert (caught.value.code, caught.value.facts) == (codes.WINDOW_EXISTS, {"window": "hall-1"})


async def test_a_window_s_token_is_taken_back(operator: Operator) -> None:
    operator.operations.registered.append(pb.Window(window_id="hall-1"))
    assert await operator.ask(lambda client: client.revoke_window("hall-1")) == REVOKED
    with pytest.raises(Refusal) as caught:
        await operator.ask(lambda client: client.revoke_window("hall-2"))
    assert (caught.value.code, caught.value.facts) == (codes.WINDOW_NOT_FOUND, {"window": "hall-2"})


async def test_documents_go_in_and_come_out(operator: Operator) -> None:
    sealed = await operator.ask(lambda client: client.sign_agreement(SignedDocument(document=b"agreement")))
    assert [seal.key_id for seal in sealed.seals] == ["310151"]
    head = await operator.ask(lambda client: client.import_document(sealed))
    assert head in await operator.ask(lambda client: client.documents())
    assert await operator.ask(lambda client: client.fetch_document(head.digest)) == sealed


async def test_items_are_found_and_shown(operator: Operator) -> None:
    [found] = await operator.ask(lambda client: client.items("变更", member="320681"))
    assert found == await operator.ask(lambda client: client.item("320681", found.item.code))


async def test_evidence_comes_in_parts(operator: Operator) -> None:
    def positions(client: AdminClient) -> list[int]:
        return [record.position for part in client.evidence(1) for record in part.records]

    assert await operator.ask(positions) == [1, 2]
    with pytest.raises(Refusal) as caught:
        await operator.ask(lambda client: list(client.evidence(4)))
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "start")


async def test_an_operator_is_told_that_no_node_runs(operator: Operator) -> None:
    operator.socket = Path("nowhere.sock")
    with pytest.raises(Refusal) as caught:
        await operator.ask(lambda client: client.status())
    assert (caught.value.code, caught.value.facts["endpoint"]) == (codes.NODE_UNREACHABLE, "unix:nowhere.sock")


def test_a_path_too_long_for_a_socket_is_named() -> None:
    with pytest.raises(Refusal) as caught:
        AdminClient(Path("a" * 108))
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "socket")


async def test_an_operators_call_is_made_once(operator: Operator) -> None:
    operator.operations.failing = True
    with pytest.raises(Refusal):
        await operator.ask(lambda client: client.status())
    assert operator.operations.asked == 1
