"""A little node: a grpc.aio server's services that keep cases and materials in dictionaries."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import grpc

from tongban.api.cases.v1 import acts_pb2 as acts
from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.cases_pb2_grpc import CaseServiceServicer, add_CaseServiceServicer_to_server
from tongban.api.catalogue.v1 import catalogue_pb2 as catalogue
from tongban.api.catalogue.v1.catalogue_pb2_grpc import CatalogueServiceServicer, add_CatalogueServiceServicer_to_server
from tongban.api.common.v1.common_pb2 import CallContext, Paper, Party
from tongban.api.credit.v1 import credit_pb2 as credit
from tongban.api.credit.v1.credit_pb2_grpc import CreditServiceServicer, add_CreditServiceServicer_to_server
from tongban.api.documents.v1 import documents_pb2 as documents
from tongban.api.documents.v1.documents_pb2_grpc import DocumentServiceServicer, add_DocumentServiceServicer_to_server
from tongban.api.identity.v1 import identity_pb2 as identity
from tongban.api.identity.v1.identity_pb2_grpc import IdentityServiceServicer, add_IdentityServiceServicer_to_server
from tongban.api.materials.v1 import materials_pb2 as materials
from tongban.api.materials.v1.materials_pb2_grpc import MaterialServiceServicer, add_MaterialServiceServicer_to_server
from tongban.core import Refusal, codes
from tongban.core.case.machine import FINAL
from tongban.core.errors import status_of

MEMBER = "310151"
PERSON = ("沈复", "310151176312260010")
FIRM = ("东海渔具有限公司", "91320681MA00000072")
ITEM = catalogue.PublishedItem(
    member="320681", item=catalogue.Item(code="00013112700402", name="变更登记", version=1), mode=catalogue.MODE_ONLINE
)
STATES = {
    "accept": cases.CASE_STATE_ACCEPTED,
    "approve": cases.CASE_STATE_APPROVED,
    "reject": cases.CASE_STATE_REJECTED,
    "refuse": cases.CASE_STATE_NOT_ACCEPTED,
    "request_correction": cases.CASE_STATE_CORRECTION,
}


def told(party: Party) -> tuple[str, str]:
    if party.HasField("person"):
        return party.person.name, party.person.resident_id
    return party.organisation.name, party.organisation.credit_code


@dataclass
class Record:
    """A case at the little node."""

    summary: cases.CaseSummary
    updates: list[cases.WatchCaseResponse] = field(default_factory=list)
    decisions: list[cases.DecideCaseRequest] = field(default_factory=list)


@dataclass
class Node(
    CatalogueServiceServicer,
    IdentityServiceServicer,
    CreditServiceServicer,
    MaterialServiceServicer,
    CaseServiceServicer,
    DocumentServiceServicer,
):
    """What the little node holds, and what is to go wrong with it."""

    endpoint: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    seconds_left: list[float] = field(default_factory=list)
    failures: list[grpc.StatusCode] = field(default_factory=list)
    """Statuses without details with which the next calls end, after they have had their effect."""
    trailers: tuple[tuple[str, bytes], ...] = ()
    """What comes with such an end."""
    delay: float = 0.0
    streams_cut_after: list[int] = field(default_factory=list)
    streams_left: int = 0
    sources_answer: bool = True
    takes_uploads: bool = True
    most_part: int = 65_536
    chunks: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    """Where uploads began."""
    stored: dict[str, bytes] = field(default_factory=dict)
    receipts: dict[str, tuple[bytes, cases.SubmitCaseResponse]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    submitted: list[cases.SubmitCaseRequest] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    held: dict[str, documents.SignedDocument] = field(default_factory=dict)

    def called(self, method: str) -> list[dict[str, Any]]:
        return [metadata for name, metadata in self.calls if name == method]

    async def refuse(self, context: Any, refusal: Refusal) -> None:
        status = status_of(refusal.at(MEMBER))
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        details = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(code, status.message, trailing_metadata=details)

    async def trouble(self, context: Any) -> None:
        self.seconds_left.append(context.time_remaining())
        await asyncio.sleep(self.delay)
        if self.failures:
            await context.abort(self.failures.pop(0), "in trouble", trailing_metadata=self.trailers)

    async def ListItems(self, request: catalogue.ListItemsRequest, context: Any) -> catalogue.ListItemsResponse:
        await self.trouble(context)
        fits = request.text in ITEM.item.name and request.member in ("", ITEM.member)
        return catalogue.ListItemsResponse(items=[ITEM] if fits else [])

    async def GetItem(self, request: catalogue.GetItemRequest, context: Any) -> catalogue.GetItemResponse:
        await self.trouble(context)
        if request.code != ITEM.item.code:
            await self.refuse(context, Refusal(codes.ITEM_UNKNOWN, {"item": request.code}))
        return catalogue.GetItemResponse(item=ITEM)

    async def VerifyIdentity(
        self, request: identity.VerifyIdentityRequest, context: Any
    ) -> identity.VerifyIdentityResponse:
        name, number = told(request.party)
        known = {number: name for name, number in (PERSON, FIRM)}.get(number)
        verdict = identity.VERDICT_MATCH if known == name else identity.VERDICT_MISMATCH
        verdict = verdict if known else identity.VERDICT_NOT_FOUND
        verdict = verdict if self.sources_answer else identity.VERDICT_UNAVAILABLE
        assertion = identity.Assertion(verdict=verdict, party_digest=sha256(request.party.SerializeToString()).digest())
        signed = identity.SignedAssertion(assertion=assertion.SerializeToString())
        return identity.VerifyIdentityResponse(verdict=verdict, assertion=signed)

    async def QueryCredit(self, request: credit.QueryCreditRequest, context: Any) -> credit.QueryCreditResponse:
        if not CallContext.FromString(self.calls[-1][1]["tongban-context-bin"]).purpose:
            await self.refuse(context, Refusal(codes.PURPOSE_MISSING, {"method": "QueryCredit"}))
        record = credit.CreditRecord(kind=credit.RECORD_KIND_HONOUR, title=request.credit_code)
        return credit.QueryCreditResponse(availability=credit.AVAILABILITY_OBTAINED, records=[record])

    async def UploadMaterial(
        self, request_iterator: AsyncIterator[materials.UploadMaterialRequest], context: Any
    ) -> materials.UploadMaterialResponse:
        described = (await anext(request_iterator)).description
        self.offsets.append(described.offset)
        content = self.stored.setdefault(described.digest, b"")
        if described.offset == len(content):
            async for part in request_iterator:
                self.chunks.append(len(part.data))
                content = self.stored[described.digest] = content + part.data
        if len(content) >= described.size and sha256(content).hexdigest() != described.digest:
            await self.refuse(context, Refusal(codes.MATERIAL_WRONG, rule="digest or size"))
        await self.trouble(context)
        received = len(content) if self.takes_uploads else 0
        return materials.UploadMaterialResponse(digest=described.digest, size=described.size, received=received)

    async def FetchMaterial(
        self, request: materials.FetchMaterialRequest, context: Any
    ) -> materials.FetchMaterialResponse:
        content = self.stored[request.digest]
        await self.trouble(context)
        data = content[request.offset : request.offset + min(request.limit, self.most_part)]
        return materials.FetchMaterialResponse(data=data, size=len(content))

    async def SubmitCase(self, request: cases.SubmitCaseRequest, context: Any) -> cases.SubmitCaseResponse:
        content = request.SerializeToString(deterministic=True)
        if request.request_id not in self.receipts:
            self.receipts[request.request_id] = (content, await self._take_in(request))
        if self.receipts[request.request_id][0] != content:
            await self.refuse(context, Refusal(codes.REQUEST_REUSED, {"id": request.request_id}))
        await self.trouble(context)
        return self.receipts[request.request_id][1]

    async def _take_in(self, request: cases.SubmitCaseRequest) -> cases.SubmitCaseResponse:
        self.submitted.append(request)
        case_id = f"case-{len(self.records) + 1}"
        self.records[case_id] = Record(cases.CaseSummary(case_id=case_id, item_code=request.item_code))
        await self._tell(case_id, cases.CASE_STATE_ARRIVED)
        return cases.SubmitCaseResponse(case_id=case_id, receipt=Paper(title="收件告知单"))

    async def SupplementCase(self, request: cases.SupplementCaseRequest, context: Any) -> cases.SupplementCaseResponse:
        return cases.SupplementCaseResponse(summary=await self._tell(request.case_id, cases.CASE_STATE_ARRIVED))

    async def DecideCase(self, request: cases.DecideCaseRequest, context: Any) -> cases.DecideCaseResponse:
        self.records[request.case_id].decisions.append(request)
        state = STATES[request.WhichOneof("decision") or ""]
        return cases.DecideCaseResponse(summary=await self._tell(request.case_id, state))

    async def _tell(self, case_id: str, state: cases.CaseState.ValueType) -> cases.CaseSummary:
        record = self.records[case_id]
        record.summary.state = state
        event = acts.Event(case_id=case_id, sequence=len(record.updates) + 1).SerializeToString()
        record.updates.append(
            cases.WatchCaseResponse(event=acts.SignedEvent(event=event), summary=record.summary),
        )
        async with self.news:
            self.news.notify_all()
        return record.summary

    async def GetCase(self, request: cases.GetCaseRequest, context: Any) -> cases.GetCaseResponse:
        record = self.records[request.number]
        return cases.GetCaseResponse(summary=record.summary, events=[update.event for update in record.updates])

    async def ListCases(self, request: cases.ListCasesRequest, context: Any) -> cases.ListCasesResponse:
        every = [record.summary for record in self.records.values()]
        return cases.ListCasesResponse(cases=[one for one in every if one.state in request.states][: request.limit])

    async def WatchCase(self, request: cases.WatchCaseRequest, context: Any) -> AsyncIterator[cases.WatchCaseResponse]:
        self.seconds_left.append(context.time_remaining())
        if request.case_id not in self.records:
            await self.refuse(context, Refusal(codes.CASE_UNKNOWN, {"number": request.case_id}))
        record, sent = self.records[request.case_id], request.after
        cut = self.streams_cut_after.pop(0) if self.streams_cut_after else None
        try:
            while True:
                for update in record.updates[sent:]:
                    if cut is not None and sent - request.after == cut:
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "too old")
                    sent += 1
                    yield update
                if record.summary.state in FINAL:
                    return
                async with self.news:
                    await self.news.wait()
        finally:
            self.streams_left += 1

    async def GetResult(self, request: cases.GetResultRequest, context: Any) -> cases.GetResultResponse:
        record = self.records[request.case_id]
        if record.summary.state not in FINAL:
            await self.refuse(context, Refusal(codes.RESULT_NOT_READY, {"case_id": request.case_id}))
        paper = Paper(title="准予变更登记通知书", content=record.decisions[-1].approve.text.encode())
        return cases.GetResultResponse(result=paper, state=record.summary.state)

    async def ListDocuments(
        self, request: documents.ListDocumentsRequest, context: Any
    ) -> documents.ListDocumentsResponse:
        return documents.ListDocumentsResponse(documents=[documents.DocumentHead(digest=one) for one in self.held])

    async def FetchDocument(
        self, request: documents.FetchDocumentRequest, context: Any
    ) -> documents.FetchDocumentResponse:
        if request.digest not in self.held:
            await self.refuse(context, Refusal(codes.DOCUMENT_UNKNOWN, {"digest": request.digest}))
        return documents.FetchDocumentResponse(document=self.held[request.digest])


class Recorder(grpc.aio.ServerInterceptor):
    """Writes down which calls arrive with which metadata."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        self._node.calls.append((details.method.rpartition("/")[2], dict(details.invocation_metadata)))
        return await continuation(details)


def serve(node: Node, server: grpc.aio.Server) -> None:
    """Give a server the services of the little node's windows door."""
    add_CatalogueServiceServicer_to_server(node, server)
    add_IdentityServiceServicer_to_server(node, server)
    add_CreditServiceServicer_to_server(node, server)
    add_MaterialServiceServicer_to_server(node, server)
    add_CaseServiceServicer_to_server(node, server)
    add_DocumentServiceServicer_to_server(node, server)
