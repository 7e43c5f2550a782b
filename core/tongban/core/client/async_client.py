"""The client of a window that uses asyncio: method for method the sync one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc
from google.protobuf.message import Message

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import (
    CaseState,
    CaseSummary,
    GetCaseRequest,
    GetCaseResponse,
    GetResultRequest,
    ListCasesRequest,
    SubmitCaseResponse,
    WatchCaseResponse,
)
from tongban.api.cases.v1.cases_pb2_grpc import CaseServiceStub
from tongban.api.catalogue.v1.catalogue_pb2 import GetItemRequest, ListItemsRequest, PublishedItem
from tongban.api.catalogue.v1.catalogue_pb2_grpc import CatalogueServiceStub
from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest, QueryCreditResponse
from tongban.api.credit.v1.credit_pb2_grpc import CreditServiceStub
from tongban.api.documents.v1.documents_pb2 import (
    DocumentHead,
    FetchDocumentRequest,
    ListDocumentsRequest,
    SignedDocument,
)
from tongban.api.documents.v1.documents_pb2_grpc import DocumentServiceStub
from tongban.api.identity.v1.identity_pb2 import SignedAssertion
from tongban.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from tongban.api.materials.v1.materials_pb2 import UploadMaterialResponse
from tongban.api.materials.v1.materials_pb2_grpc import MaterialServiceStub
from tongban.core.client import _requests
from tongban.core.client._calls import LONG_PAUSES, Call
from tongban.core.client._channel import DEFAULT_TIMEOUT, door, trust
from tongban.core.client._materials import Download, Progress, Source, Upload, appearing, prepared
from tongban.core.client._requests import Decision, Verified, verified
from tongban.core.client._watching import Watching
from tongban.core.client.context import Context, LookupOptions, Options, SubmitOptions
from tongban.core.items import Party

Q = TypeVar("Q", bound=Message)
A = TypeVar("A")


class AsyncClient:
    """The same as `Client`, with ``await``; its methods are described in full there.

    Make it inside a coroutine, and use it in that event loop only.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        token: str,
        ca: str | Path | None = None,
        server_name: str | None = None,
        context: Context | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Make a client; it dials when it is first used."""
        self._door = door(endpoint, token, context, timeout)
        credentials, options = trust(ca, server_name)
        self._channel = grpc.aio.secure_channel(endpoint, credentials, options)
        self._catalogue, self._cases = CatalogueServiceStub(self._channel), CaseServiceStub(self._channel)
        self._identity, self._credit = IdentityServiceStub(self._channel), CreditServiceStub(self._channel)
        self._materials, self._documents = MaterialServiceStub(self._channel), DocumentServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; a call under way ends with it."""
        self._door.closed.set()
        await self._channel.close()

    async def find_items(self, text: str = "", *, member: str = "", **options: Unpack[Options]) -> list[PublishedItem]:
        """Return the items 事项 whose name, code or member contains these words; all, if there are none."""
        request = ListItemsRequest(text=text, member=member)
        return list((await self._ask(self._catalogue.ListItems, request, options)).items)

    async def get_item(self, member: str, code: str, **options: Unpack[Options]) -> PublishedItem:
        """Return one member's item with its form, materials and mode."""
        return (await self._ask(self._catalogue.GetItem, GetItemRequest(member=member, code=code), options)).item

    async def verify_person(self, name: str, number: str, **options: Unpack[LookupOptions]) -> Verified:
        """Ask whether a person's name and resident identity number belong together."""
        return await self._verify(Party(name, number), options)

    async def verify_organisation(self, name: str, number: str, **options: Unpack[LookupOptions]) -> Verified:
        """Ask whether an organisation's name and unified social credit code 统一社会信用代码 belong together."""
        return await self._verify(Party(name, number, is_organisation=True), options)

    async def query_credit(self, credit_code: str, **options: Unpack[LookupOptions]) -> QueryCreditResponse:
        """Return the credit records of an organisation, or that they could not be had, which says nothing about it."""
        return await self._ask(self._credit.QueryCredit, QueryCreditRequest(credit_code=credit_code), options)

    async def upload(
        self,
        source: Source,
        *,
        code: str,
        name: str | None = None,
        media_type: str | None = None,
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> CaseMaterial:
        """Upload a material 申请材料 and return it as `submit` and `supplement` take it."""
        upload = await asyncio.to_thread(prepared, source, code, name, media_type)
        while upload.take(await self._send(upload, options), self._door.endpoint, progress):
            pass
        return upload.material

    async def fetch_material(self, case_id: str, digest: str, **options: Unpack[Options]) -> bytes:
        """Return the bytes of a material of a case."""
        content = BytesIO()
        await self._receive(Download(case_id, digest, content), options, None)
        return content.getvalue()

    async def download(
        self,
        case_id: str,
        digest: str,
        path: str | Path,
        *,
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Write a material of a case to a file, which is there when it is whole."""
        with appearing(path) as file:
            download = await asyncio.to_thread(Download, case_id, digest, file)
            await self._receive(download, options, progress)

    async def submit(
        self,
        item_code: str,
        *,
        deciding_place: str,
        applicant: Party,
        agent: Party | None = None,
        form: Mapping[str, str] | None = None,
        materials: Sequence[CaseMaterial] = (),
        assertions: Sequence[SignedAssertion] = (),
        request_id: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> SubmitCaseResponse:
        """Hand a case in 收件 and return its numbers and the receipt; it travels from then on by itself."""
        request = _requests.submit(item_code, deciding_place, applicant, agent, form, materials, assertions, request_id)
        return await self._ask(self._cases.SubmitCase, request, options)

    async def supplement(
        self,
        case_id: str,
        *,
        materials: Sequence[CaseMaterial] = (),
        form: Mapping[str, str] | None = None,
        request_id: str | None = None,
        **options: Unpack[Options],
    ) -> CaseSummary:
        """Supply what a correction asked for 补正, and return the case as it stands then."""
        request = _requests.supplement(case_id, materials, form, request_id)
        return (await self._ask(self._cases.SupplementCase, request, options)).summary

    async def decide(
        self, case_id: str, decision: Decision, *, request_id: str | None = None, **options: Unpack[Options]
    ) -> CaseSummary:
        """Record what an officer of the handling member does, and return the case as it stands then."""
        return (
            await self._ask(self._cases.DecideCase, _requests.decide(case_id, decision, request_id), options)
        ).summary

    async def case(self, number: str, **options: Unpack[Options]) -> GetCaseResponse:
        """Return a case with its events, by case id, intake number or case number."""
        return await self._ask(self._cases.GetCase, GetCaseRequest(number=number), options)

    async def cases(
        self,
        *,
        states: "Sequence[CaseState.ValueType]" = (),
        item_code: str = "",
        limit: int = 100,
        **options: Unpack[Options],
    ) -> list[CaseSummary]:
        """Return cases, those that changed last first; only in these states and of this item, if given."""
        request = ListCasesRequest(states=states, item_code=item_code, limit=limit)
        return list((await self._ask(self._cases.ListCases, request, options)).cases)

    async def watch(
        self, case_id: str, *, after: int = 0, **options: Unpack[Options]
    ) -> AsyncIterator[WatchCaseResponse]:
        """Yield the events of a case after a place in it, and each new one as it comes, until the case is closed."""
        watching = Watching(self._door.watching(options), case_id, after)
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            stream = self._cases.WatchCase(watching.request(), **watching.terms())
            try:
                async for update in stream:
                    yield watching.seen(update)
                return
            except grpc.RpcError as error:
                pause = watching.pause_after(error)
            finally:
                stream.cancel()

    async def result(self, case_id: str, **options: Unpack[Options]) -> Paper:
        """Return the official paper 文书 that ended a case."""
        return (await self._ask(self._cases.GetResult, GetResultRequest(case_id=case_id), options)).result

    async def documents(self, **options: Unpack[Options]) -> list[DocumentHead]:
        """Return what the node holds of the federation's documents, by name."""
        return list((await self._ask(self._documents.ListDocuments, ListDocumentsRequest(), options)).documents)

    async def fetch_document(self, digest: str, **options: Unpack[Options]) -> SignedDocument:
        """Return a document with its seals."""
        return (await self._ask(self._documents.FetchDocument, FetchDocumentRequest(digest=digest), options)).document

    async def _verify(self, party: Party, options: LookupOptions) -> Verified:
        return verified(await self._ask(self._identity.VerifyIdentity, _requests.verify(party), options))

    async def _send(self, upload: Upload, options: Mapping[str, Any]) -> UploadMaterialResponse:
        send, call = self._materials.UploadMaterial, self._door.call(options, pauses=LONG_PAUSES)
        return await self._repeat(call, lambda call: send(upload.requests(call.left), **call.terms()))

    async def _receive(self, download: Download, options: Mapping[str, Any], progress: Progress | None) -> None:
        while download.take(await self._ask(self._materials.FetchMaterial, download.request(), options), progress):
            pass
        download.check(self._door.endpoint)

    async def _ask(self, method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", request: Q, options: Mapping[str, Any]) -> A:
        return await self._repeat(self._door.call(options, request), lambda call: method(request, **call.terms()))

    async def _repeat(self, call: Call, attempt: Callable[[Call], Awaitable[A]]) -> A:
        while True:
            try:
                return await attempt(call)
            except grpc.RpcError as error:
                await asyncio.sleep(call.pause_after(error))
