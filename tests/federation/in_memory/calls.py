"""What windows and operators of these tests ask."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tongban.api.admin.v1 import admin_pb2 as admin
from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.common.v1.common_pb2 import Organisation, Party, Person
from tongban.api.credit.v1 import credit_pb2 as credit
from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.api.identity.v1 import identity_pb2 as identity
from tongban.api.materials.v1 import materials_pb2 as materials
from tongban.federation.transport.memory import MemoryClient

from .laid_out import CREDIT, DESK_ITEM, FIRM, IDENTITY, PERSON, QIDONG

CASES = "/tongban.api.cases.v1.CaseService"
MATERIALS = "/tongban.api.materials.v1.MaterialService"
EXCHANGE = "/tongban.api.exchange.v1.CaseExchangeService"
ADMIN = "/tongban.api.admin.v1.AdminService"

APPLICANT = Party(organisation=Organisation(name=FIRM.name, credit_code=FIRM.number))
AGENT = Party(person=Person(name=PERSON.name, resident_id=PERSON.number))

PAPER = "变更登记申请书".encode()
MATERIAL = CaseMaterial(
    code="application", name="申请书.txt", digest=sha256(PAPER).hexdigest(), size=len(PAPER), media_type="text/plain"
)


def submission(request_id: str = "s-1", item: str = DESK_ITEM, **changes: Any) -> cases.SubmitCaseRequest:
    """Return a matter of a firm in 启东, as a window takes it in."""
    form = {"new_address": "汇龙镇人民路 1 号"} if item == DESK_ITEM else {}
    plain = {"item_code": item, "deciding_place": QIDONG, "applicant": APPLICANT, "form": form}
    return cases.SubmitCaseRequest(request_id=request_id, **{**plain, **changes})


async def submit(window: MemoryClient, request: cases.SubmitCaseRequest | None = None) -> cases.SubmitCaseResponse:
    return await window.call(f"{CASES}/SubmitCase", request or submission(), cases.SubmitCaseResponse)


async def supplement(window: MemoryClient, case_id: str, request_id: str = "p-1", **changes: Any) -> cases.CaseSummary:
    request = cases.SupplementCaseRequest(request_id=request_id, case_id=case_id, **changes)
    return (await window.call(f"{CASES}/SupplementCase", request, cases.SupplementCaseResponse)).summary


async def decide(window: MemoryClient, case_id: str, request_id: str = "d-1", **decision: Any) -> cases.CaseSummary:
    request = cases.DecideCaseRequest(request_id=request_id, case_id=case_id, **decision)
    return (await window.call(f"{CASES}/DecideCase", request, cases.DecideCaseResponse)).summary


async def get_case(window: MemoryClient, number: str) -> cases.GetCaseResponse:
    return await window.call(f"{CASES}/GetCase", cases.GetCaseRequest(number=number), cases.GetCaseResponse)


async def state(window: MemoryClient, number: str) -> "cases.CaseState.ValueType":
    return (await get_case(window, number)).summary.state


async def result(window: MemoryClient, case_id: str) -> cases.GetResultResponse:
    return await window.call(f"{CASES}/GetResult", cases.GetResultRequest(case_id=case_id), cases.GetResultResponse)


def parts(content: bytes, offset: int = 0, end: int | None = None) -> list[materials.UploadMaterialRequest]:
    """Return the messages of an upload, or of a part of one."""
    described = materials.MaterialDescription(digest=sha256(content).hexdigest(), size=len(content), offset=offset)
    sent = content[offset:end]
    return [
        materials.UploadMaterialRequest(description=described),
        *(materials.UploadMaterialRequest(data=sent[at : at + 65_536]) for at in range(0, len(sent), 65_536)),
    ]


async def send(window: MemoryClient, messages: Sequence[materials.UploadMaterialRequest]) -> int:
    """Upload and return how many bytes the node has."""
    answer = await window.upload(f"{MATERIALS}/UploadMaterial", messages, materials.UploadMaterialResponse)
    return answer.received


async def upload(window: MemoryClient, content: bytes = PAPER) -> str:
    received = 0
    while received < len(content):  # Another call that brings the same has taken over.
        received = await send(window, parts(content, received))
    return sha256(content).hexdigest()


def material(content: bytes, media_type: str = "text/plain", code: str = "application") -> CaseMaterial:
    """Return how a case names a material."""
    digest = sha256(content).hexdigest()
    return CaseMaterial(code=code, name=code, digest=digest, size=len(content), media_type=media_type)


async def verify(window: MemoryClient, party: Party = AGENT) -> identity.VerifyIdentityResponse:
    return await window.call(IDENTITY, identity.VerifyIdentityRequest(party=party), identity.VerifyIdentityResponse)


async def query(window: MemoryClient, code: str = FIRM.number) -> credit.QueryCreditResponse:
    return await window.call(CREDIT, credit.QueryCreditRequest(credit_code=code), credit.QueryCreditResponse)


async def import_document(operator: MemoryClient, document: SignedDocument) -> None:
    request = admin.ImportDocumentRequest(document=document)
    await operator.call(f"{ADMIN}/ImportDocument", request, admin.ImportDocumentResponse)
