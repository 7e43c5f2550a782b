"""A valid example of every message that a node reads from windows and peers."""

from datetime import date
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.admin.v1 import admin_pb2 as admin
from tongban.api.cases.v1 import acts_pb2 as acts
from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.catalogue.v1 import catalogue_pb2 as catalogue
from tongban.api.common.v1 import common_pb2 as common
from tongban.api.credit.v1 import credit_pb2 as credit
from tongban.api.documents.v1 import documents_pb2 as documents
from tongban.api.exchange.v1 import exchange_pb2 as exchange
from tongban.api.identity.v1 import identity_pb2 as identity
from tongban.api.materials.v1 import materials_pb2 as materials
from tongban.api.rules.v1 import rules_pb2 as rules
from tongban.core.identifiers import CASE_TOKEN_BYTES, case_id, synthetic_credit_code, synthetic_resident_id

CASE = case_id("310151", date(2026, 10, 1), bytes(CASE_TOKEN_BYTES))
DIGEST = "5e" * 32
HASH = bytes(range(32))
NOW = Timestamp(seconds=1_790_000_000)
LATER = Timestamp(seconds=1_800_000_000)

PERSON = common.Person(name="王示例", resident_id=synthetic_resident_id("320681", 7))
FIRM = common.Organisation(name="启东示例机械有限公司", credit_code=synthetic_credit_code("320681", 1))
BY_PERSON = common.Party(person=PERSON)
BY_FIRM = common.Party(organisation=FIRM)
SEAL = common.Seal(key_id="0a" * 16, signature=bytes(64), tree_size=2, leaf_index=1, path=[HASH])
PAPER = common.Paper(
    title="准予变更登记通知书",
    media_type="text/plain; charset=utf-8",
    content="准予变更。".encode(),
    issuer="320681",
    key_id="0a" * 16,
    signature=bytes(64),
)
CONTEXT = common.CallContext(
    to="320681",
    purpose="开办企业",
    legal_basis="中华人民共和国行政许可法",
    case_id=CASE,
    consent_id="c-1",
    officer="li.shili",
)
ASSERTION = identity.SignedAssertion(assertion=b"assertion", seal=SEAL)
MATERIAL = acts.CaseMaterial(
    code="resolution", name="股东会决议.pdf", digest=DIGEST, size=1024, media_type="application/pdf"
)
FORM = {"new_address": "启东市示例路1号"}
DEADLINE = acts.Deadline(day="2026-10-15", working_days=5, skipped=["2026-10-10"], calendar="china-2026")
CORRECTION = acts.CorrectionItem(code="resolution", text="请补充盖章页。")
SIGNED_ACT = acts.SignedAct(act=b"act", seal=SEAL)
SEALED = exchange.SealedMessage(header=b"header", seal=SEAL, body=b"body")
QUESTION = exchange.Question(message=SEALED, timeout_ms=5000, hops=[exchange.Hop(member="310000", seal=SEAL)])
SIGNED_DOCUMENT = documents.SignedDocument(document=b"document", seals=[SEAL])
METHOD = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"

RECEIVED = acts.Received(
    handling="320681",
    item_code="000131001000",
    item_version=1,
    deciding_place="320681",
    intake_number="SJ-310151-20261001-0001",
    applicant=BY_FIRM,
    agent=PERSON,
    form=FORM,
    materials=[MATERIAL],
    assertions=[ASSERTION],
    agreement_row="registration/1",
)
ACT_CONTENTS: list[dict[str, Any]] = [
    {"received": RECEIVED},
    {"supplemented": acts.Supplemented(materials=[MATERIAL], form=FORM)},
    {"arrived": acts.Arrived()},
    {"correction_requested": acts.CorrectionRequested(items=[CORRECTION], deadline=DEADLINE)},
    {"accepted": acts.Accepted(case_number="BJ-1", deadline=DEADLINE)},
    {"not_accepted": acts.NotAccepted(reason="不属于本机关职权范围。", right_authority="示例市", notice=PAPER)},
    {"decided": acts.Decided(outcome=acts.OUTCOME_APPROVED, reason="符合条件。", result=PAPER)},
]
DECISIONS: list[dict[str, Any]] = [
    {"request_correction": cases.RequestCorrection(items=[CORRECTION])},
    {"accept": cases.AcceptCase()},
    {"refuse": cases.RefuseCase(reason="不属于本机关职权范围。", right_authority="示例市市场监督管理局")},
    {"approve": cases.ApproveCase(text="准予变更。")},
    {"reject": cases.RejectCase(reason="材料不实。")},
]

ITEM = catalogue.Item(
    code="000131001000",
    name="企业住所变更登记",
    version=1,
    type=catalogue.ITEM_TYPE_ADMINISTRATIVE_LICENCE,
    promise=catalogue.PROMISE_WORKING_DAYS,
    promised_days=5,
    correction_days=10,
    deciding_fact=catalogue.DECIDING_FACT_REGISTRATION,
    places=["320600"],
    form=[
        catalogue.FormField(name="new_address", label="新住所", required=True, max_len=200, format=rules.FORMAT_DATE)
    ],
    materials=[
        catalogue.MaterialRequirement(
            code="resolution", name="股东会决议", required=True, max_bytes=1 << 20, media_types=["application/pdf"]
        )
    ],
    result_title="准予变更登记通知书",
    implementation_code="320681-1",
)
MEMBER = documents.Member(
    id="320681",
    name="启东市",
    keys=[documents.PublicKey(key_id="0a" * 16, algorithm=documents.KEY_ALGORITHM_ED25519, public_key=b"key")],
    encryption_keys=[
        documents.PublicKey(key_id="0b" * 16, algorithm=documents.KEY_ALGORITHM_X25519, public_key=b"key")
    ],
    nodes=[documents.Node(endpoint="node.example:8443", certificate=b"certificate")],
)
LOOKUP_ROW = documents.LookupRow(
    id="1",
    asking="310151",
    answering="320681",
    method=METHOD,
    purposes=["开办企业"],
    legal_basis="中华人民共和国行政许可法",
    consent_required=True,
    until="2027-09-30",
)
CASE_ROW = documents.CaseRow(
    id="2",
    intake="310151",
    handling="320681",
    items=["000131001000"],
    mode=catalogue.MODE_PROXY_INTAKE,
    until="2027-09-30",
)
DOCUMENT_CONTENTS: list[dict[str, Any]] = [
    {"directory": documents.Directory(federation="示例", members=[MEMBER])},
    {
        "catalogue": documents.Catalogue(
            member="320681",
            items=[ITEM],
            services=[documents.PublishedService(name="example.v1.ExampleService", descriptors=b"descriptors")],
        )
    },
    {
        "agreement": documents.Agreement(
            name="registration",
            parties=["310151", "320681"],
            lookups=[LOOKUP_ROW],
            cases=[CASE_ROW],
            contact="示例科 0513-00000000",
        )
    },
]

EXAMPLES: list[Message] = [
    admin.GetStatusRequest(),
    admin.AddWindowRequest(
        window_id="hall-1", name="一号窗口", roles=[admin.WINDOW_ROLE_INTAKE, admin.WINDOW_ROLE_LOOKUP]
    ),
    admin.RevokeWindowRequest(window_id="hall-1"),
    admin.ListWindowsRequest(),
    admin.ImportDocumentRequest(document=SIGNED_DOCUMENT),
    admin.SignAgreementRequest(document=SIGNED_DOCUMENT),
    admin.ListPluginsRequest(),
    admin.ExportEvidenceRequest(start=1),
    cases.SubmitCaseRequest(
        request_id="hall-1.0001",
        item_code="000131001000",
        deciding_place="320681",
        applicant=BY_PERSON,
        agent=PERSON,
        form=FORM,
        materials=[MATERIAL, MATERIAL],
        assertions=[ASSERTION],
    ),
    cases.SupplementCaseRequest(request_id="hall-1.0002", case_id=CASE, materials=[MATERIAL], form=FORM),
    *(cases.DecideCaseRequest(request_id="desk-1.0001", case_id=CASE, **decision) for decision in DECISIONS),
    cases.GetCaseRequest(number=CASE),
    cases.ListCasesRequest(states=[cases.CASE_STATE_ACCEPTED], item_code="000131001000", limit=10),
    cases.WatchCaseRequest(case_id=CASE, after=3),
    cases.GetResultRequest(case_id=CASE),
    catalogue.ListItemsRequest(text="变更", member="320681"),
    catalogue.GetItemRequest(member="320681", code="000131001000"),
    credit.QueryCreditRequest(credit_code=FIRM.credit_code),
    documents.ListDocumentsRequest(),
    documents.FetchDocumentRequest(digest=DIGEST),
    exchange.LinkRequest(questions=[QUESTION], cancelled=["q-1"]),
    exchange.LinkResponse(answers=[SEALED]),
    exchange.StreamRequest(opening=exchange.Opening(message=SEALED, timeout_ms=5000)),
    exchange.StreamRequest(message=b"request"),
    exchange.StreamRequest(closed=True),
    exchange.StreamResponse(message=b"answer"),
    exchange.StreamResponse(taken=256),
    exchange.StreamResponse(end=exchange.SealedEnd(message=SEALED, status=b"status")),
    exchange.StreamResponse(refused=SEALED),
    exchange.StreamEnd(
        requests=exchange.Tally(messages=2, digest=HASH),
        answers=exchange.Tally(messages=1, digest=HASH),
        status_digest=HASH,
    ),
    exchange.DeliverActRequest(act=SIGNED_ACT),
    exchange.DeliverEventRequest(event=acts.SignedEvent(event=b"event", seal=SEAL, act=SIGNED_ACT)),
    identity.VerifyIdentityRequest(party=BY_PERSON),
    identity.VerifyIdentityRequest(party=BY_FIRM),
    materials.UploadMaterialRequest(description=materials.MaterialDescription(digest=DIGEST, size=1024)),
    materials.UploadMaterialRequest(data=b"part"),
    materials.FetchMaterialRequest(case_id=CASE, digest=DIGEST, offset=65536, limit=65536),
    CONTEXT,
    exchange.Header(
        id="q-1",
        sender="310151",
        receiver="320681",
        method=METHOD,
        context=CONTEXT,
        window="hall-1",
        sent_at=NOW,
        expires_at=LATER,
        body_digest=HASH,
        question_digest=HASH,
        status=5,
        encryption=exchange.Encryption(key_id="0b" * 16, content_digest=HASH),
        trailing=[exchange.Metadata(key="trace-bin", value=b"value")],
    ),
    *(acts.Act(case_id=CASE, author="310151", number=1, time=NOW, officer="li", **it) for it in ACT_CONTENTS),
    acts.Event(case_id=CASE, sequence=2, previous=HASH, act_digest=HASH, time=NOW),
    identity.Assertion(
        assertion_id="a-1",
        member="310151",
        party_digest=HASH,
        verdict=identity.VERDICT_MATCH,
        verified_at=NOW,
        expires_at=LATER,
    ),
    ITEM,
    LOOKUP_ROW,
    CASE_ROW,
    *(documents.Document(version=1, issued_at=NOW, stale_at=NOW, expires_at=LATER, **it) for it in DOCUMENT_CONTENTS),
]


@pytest.fixture(scope="session")
def examples() -> list[Message]:
    """Return all examples."""
    return EXAMPLES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes an `example` with each of them."""
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", EXAMPLES, ids=lambda example: example.DESCRIPTOR.name)
