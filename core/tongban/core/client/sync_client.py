"""The client of a window that does not use asyncio."""

from collections.abc import Iterator, Mapping, Sequence
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
from tongban.core.client._calls import LONG_PAUSES
from tongban.core.client._channel import DEFAULT_TIMEOUT, door, trust
from tongban.core.client._materials import Download, Progress, Source, Upload, appearing, prepared
from tongban.core.client._repeats import Repeats
from tongban.core.client._requests import Decision, Verified, verified
from tongban.core.client._watching import Watching
from tongban.core.client.context import Context, LookupOptions, Options, SubmitOptions
from tongban.core.items import Party

Q = TypeVar("Q", bound=Message)
A = TypeVar("A")


class Client:
    """A window's connection to its member's node; threads may share it.

    Every method takes the keywords of `Options`, a look-up those of `LookupOptions`; what they do not say, the client's
    context and time limit do. Each can raise `tongban.core.Refusal`: what the node refused, or DEADLINE,
    NODE_UNREACHABLE and ANSWER_UNREADABLE if there was no answer.

    A call that finds no node is made at most twice more within its time. The node knows a repeated command by its
    request id. The library makes the id, and a refusal names it among its facts; give one of your own as ``request_id``
    to repeat a command after a restart.
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
        """Make a client; it dials when it is first used.

        Args:
            endpoint: host:port of the node's windows door.
            token: what the node's operator was shown when the window was registered.
            ca: the node's certificate, or its authority's, as a PEM file; None: the system's roots.
            server_name: name that the node's certificate must have; None: the name in `ca` if that is one certificate
                with a name, else the endpoint's host.
            context: what holds for all calls.
            timeout: seconds that a call may take.

        Raises:
            Refusal: INVALID_FIELD, for `ca` or `token`.
        """
        self._door = door(endpoint, token, context, timeout)
        credentials, options = trust(ca, server_name)
        self._channel = grpc.secure_channel(endpoint, credentials, options)
        self._catalogue, self._cases = CatalogueServiceStub(self._channel), CaseServiceStub(self._channel)
        self._identity, self._credit = IdentityServiceStub(self._channel), CreditServiceStub(self._channel)
        self._materials, self._documents = MaterialServiceStub(self._channel), DocumentServiceStub(self._channel)
        self._repeats = Repeats(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a call under way ends with it."""
        self._door.closed.set()
        self._channel.close()

    def find_items(self, text: str = "", *, member: str = "", **options: Unpack[Options]) -> list[PublishedItem]:
        """Return the items 事项 whose name, code or member contains these words; all, if there are none."""
        request = ListItemsRequest(text=text, member=member)
        return list(self._ask(self._catalogue.ListItems, request, options).items)

    def get_item(self, member: str, code: str, **options: Unpack[Options]) -> PublishedItem:
        """Return one member's item with its form, materials and mode."""
        return self._ask(self._catalogue.GetItem, GetItemRequest(member=member, code=code), options).item

    def verify_person(self, name: str, number: str, **options: Unpack[LookupOptions]) -> Verified:
        """Ask whether a person's name and resident identity number belong together."""
        return self._verify(Party(name, number), options)

    def verify_organisation(self, name: str, number: str, **options: Unpack[LookupOptions]) -> Verified:
        """Ask whether an organisation's name and unified social credit code 统一社会信用代码 belong together."""
        return self._verify(Party(name, number, is_organisation=True), options)

    def query_credit(self, credit_code: str, **options: Unpack[LookupOptions]) -> QueryCreditResponse:
        """Return the credit records of an organisation, or that they could not be had, which says nothing about it."""
        return self._ask(self._credit.QueryCredit, QueryCreditRequest(credit_code=credit_code), options)

    def upload(
        self,
        source: Source,
        *,
        code: str,
        name: str | None = None,
        media_type: str | None = None,
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> CaseMaterial:
        """Upload a material 申请材料 and return it as `submit` and `supplement` take it.

        The code is the one of the item's requirement. Name and media type are those of the file, unless given. A file
        is read twice, for its digest and to be sent, and never held whole. It is sent in slices: the time limit is for
        each of them, and after a break the next goes on where the last came to, also if the upload is begun anew.

        Raises:
            Refusal: TOO_LARGE before anything is sent; INVALID_FIELD for a file that cannot be read.
        """
        upload = prepared(source, code, name, media_type)
        while upload.take(self._send(upload, options), self._door.endpoint, progress):
            pass
        return upload.material

    def fetch_material(self, case_id: str, digest: str, **options: Unpack[Options]) -> bytes:
        """Return the bytes of a material of a case.

        The time limit is for each part of 1 MiB.

        Raises:
            Refusal: ANSWER_UNREADABLE, what came is not what the digest names.
        """
        content = BytesIO()
        self._receive(Download(case_id, digest, content), options, None)
        return content.getvalue()

    def download(
        self,
        case_id: str,
        digest: str,
        path: str | Path,
        *,
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Write a material of a case to a file, which is there when it is whole.

        Until then it is in a file beside, with ``.part`` after its name; a download that is begun anew goes on there.

        Raises:
            Refusal: as `fetch_material`; INVALID_FIELD if the file cannot be written.
        """
        with appearing(path) as file:
            self._receive(Download(case_id, digest, file), options, progress)

    def submit(
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
        """Hand a case in 收件 and return its numbers and the receipt; it travels from then on by itself.

        The deciding place is the division that the item's deciding fact names. Materials were uploaded, assertions came
        from `verify_person` or `verify_organisation`.
        """
        request = _requests.submit(item_code, deciding_place, applicant, agent, form, materials, assertions, request_id)
        return self._ask(self._cases.SubmitCase, request, options)

    def supplement(
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
        return self._ask(self._cases.SupplementCase, request, options).summary

    def decide(
        self, case_id: str, decision: Decision, *, request_id: str | None = None, **options: Unpack[Options]
    ) -> CaseSummary:
        """Record what an officer of the handling member does, and return the case as it stands then."""
        return self._ask(self._cases.DecideCase, _requests.decide(case_id, decision, request_id), options).summary

    def case(self, number: str, **options: Unpack[Options]) -> GetCaseResponse:
        """Return a case with its events, by case id, intake number or case number."""
        return self._ask(self._cases.GetCase, GetCaseRequest(number=number), options)

    def cases(
        self,
        *,
        states: "Sequence[CaseState.ValueType]" = (),
        item_code: str = "",
        limit: int = 100,
        **options: Unpack[Options],
    ) -> list[CaseSummary]:
        """Return cases, those that changed last first; only in these states and of this item, if given."""
        request = ListCasesRequest(states=states, item_code=item_code, limit=limit)
        return list(self._ask(self._cases.ListCases, request, options).cases)

    def watch(self, case_id: str, *, after: int = 0, **options: Unpack[Options]) -> Iterator[WatchCaseResponse]:
        """Yield the events of a case after a place in it, and each new one as it comes, until the case is closed.

        A stream that ends early is begun anew where it ended. Without ``timeout`` there is no limit of time.
        """
        watching = Watching(self._door.watching(options), case_id, after)
        while True:
            stream = self._cases.WatchCase(watching.request(), **watching.terms())
            try:
                for update in stream:
                    yield watching.seen(update)
                return
            except grpc.RpcError as error:
                self._repeats.pause(watching.pause_after(error))
            finally:
                stream.cancel()

    def result(self, case_id: str, **options: Unpack[Options]) -> Paper:
        """Return the official paper 文书 that ended a case."""
        return self._ask(self._cases.GetResult, GetResultRequest(case_id=case_id), options).result

    def documents(self, **options: Unpack[Options]) -> list[DocumentHead]:
        """Return what the node holds of the federation's documents, by name."""
        return list(self._ask(self._documents.ListDocuments, ListDocumentsRequest(), options).documents)

    def fetch_document(self, digest: str, **options: Unpack[Options]) -> SignedDocument:
        """Return a document with its seals."""
        return self._ask(self._documents.FetchDocument, FetchDocumentRequest(digest=digest), options).document

    def _verify(self, party: Party, options: LookupOptions) -> Verified:
        return verified(self._ask(self._identity.VerifyIdentity, _requests.verify(party), options))

    def _send(self, upload: Upload, options: Mapping[str, Any]) -> UploadMaterialResponse:
        send, call = self._materials.UploadMaterial, self._door.call(options, pauses=LONG_PAUSES)
        return self._repeats.make(call, lambda call: send(upload.requests(call.left), **call.terms()))

    def _receive(self, download: Download, options: Mapping[str, Any], progress: Progress | None) -> None:
        while download.take(self._ask(self._materials.FetchMaterial, download.request(), options), progress):
            pass
        download.check(self._door.endpoint)

    def _ask(self, method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q, options: Mapping[str, Any]) -> A:
        return self._repeats.make(self._door.call(options, request), lambda call: method(request, **call.terms()))
