"""The federation of these tests, laid out once: three members with real keys, documents, stores and a window each.

崇明 takes matters in, 启东 handles them, 杭州 is a third member that has no part in them.
"""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomli

from tongban.api.admin.v1.admin_pb2 import (
    WINDOW_ROLE_INTAKE,
    WINDOW_ROLE_LOOKUP,
    WINDOW_ROLE_OFFICER,
    AddWindowRequest,
    AddWindowResponse,
    ImportDocumentRequest,
    ImportDocumentResponse,
)
from tongban.api.documents.v1.documents_pb2 import Document, SignedDocument
from tongban.core import Answer, Approve, Case, DecidingFact, Field, Item, ItemType, LeaveToOfficer, Party, Required
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id
from tongban.core.registry import Brought
from tongban.core.sources import CreditRecord, RecordKind, Verdict
from tongban.federation.calls import Door
from tongban.federation.carriers.memory import MemoryNet, Station
from tongban.federation.formation import Plan, practice, read_document
from tongban.federation.transport.memory import MemoryClient, running_node

from ..scripted.tongban_scripted import METHODS, tongban_services
from .clock import Clock
from .waiting import until

NOW = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
"""A Monday, nine o'clock in China."""

CHONGMING, QIDONG, HANGZHOU = "310151", "320681", "330100.gjj"
MEMBERS = (CHONGMING, QIDONG, HANGZHOU)

DESK_ITEM, INSTANT_ITEM, UNSHARED_ITEM = "00013112700402", "QD-INSTANT", "QD-UNSHARED"
IDENTITY = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
CREDIT = "/tongban.api.credit.v1.CreditService/QueryCredit"
IDENTITY_PURPOSE, CREDIT_PURPOSE = "公司变更登记", "信用代证"
SCRIPT, SCRIPT_PURPOSE = "/scripted.v1.ScriptService", "照办"

FIRM = Party("启东虚构船用五金有限公司", synthetic_credit_code("320681", 7), is_organisation=True)
BULKY_CODE = synthetic_credit_code("320681", 8)
"""Of a firm with more credit records than a message holds."""

PERSON = Party("沙洲甲", synthetic_resident_id("310151", 7))

_PLAN = f"""
federation = "内存通办"
[[node]]
member = "{CHONGMING}"
name = "上海崇明"
[[node]]
member = "{QIDONG}"
name = "江苏启东"
[[node]]
member = "{HANGZHOU}"
name = "杭州公积金中心"

[[agreement]]
name = "registration"
parties = ["{CHONGMING}", "{QIDONG}"]
contact = "启东市行政审批局 0513-00000000"
valid_days = 30
[[agreement.case]]
id = "registration"
intake = "{CHONGMING}"
handling = "{QIDONG}"
items = ["{DESK_ITEM}", "{INSTANT_ITEM}"]
mode = "proxy_intake"
[[agreement.lookup]]
id = "identity"
asking = "{QIDONG}"
answering = "{CHONGMING}"
method = "{IDENTITY}"
purposes = ["{IDENTITY_PURPOSE}"]
[[agreement.lookup]]
id = "credit"
asking = "{CHONGMING}"
answering = "{QIDONG}"
method = "{CREDIT}"
purposes = ["{CREDIT_PURPOSE}"]
consent_required = true
"""

_SCRIPT_ROW = f"""
[[agreement.lookup]]
id = "script-__METHOD__"
asking = "{CHONGMING}"
answering = "{QIDONG}"
method = "{SCRIPT}/__METHOD__"
purposes = ["{SCRIPT_PURPOSE}"]
"""


@dataclass(frozen=True)
class LaidOut:
    """Where the federation is, and what its windows show."""

    folder: Path
    tokens: dict[str, str]

    @property
    def directory(self) -> SignedDocument:
        return read_document(self.folder / "authority" / "directory.signed", "directory")

    def copy(self, folder: Path) -> "LaidOut":
        """Return the same federation in another folder, for one test."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return LaidOut(folder, self.tokens)


def lay_out(folder: Path, *more: tuple[str, str], now: datetime = NOW) -> LaidOut:
    """Lay the federation out, with more members by id and name, and run it once until all know all catalogues."""
    plan = _PLAN + "".join(_SCRIPT_ROW.replace("__METHOD__", method) for method in METHODS)
    plan += "".join(f'[[node]]\nmember = "{member}"\nname = "{name}"\n' for member, name in more)
    practice(Plan.model_validate(tomli.loads(plan)), folder, folder, now)
    paths = [folder / "authority" / "directory.signed", *folder.glob("*.signed")]
    documents, members = [read_document(path, "document") for path in paths], [*MEMBERS, *dict(more)]
    return LaidOut(folder, asyncio.run(_begun(folder, documents, members, now)))


async def _begun(
    folder: Path, documents: Sequence[SignedDocument], members: Sequence[str], now: datetime
) -> dict[str, str]:
    net, clock = MemoryNet(), Clock(now)
    async with AsyncExitStack() as stack:
        starting = [running_node(net, folder / member, clock, brought(member)) for member in members]
        nodes = [await stack.enter_async_context(one) for one in starting]
        tokens = {node.resources.member: await _join(node, documents) for node in nodes}
        await until(lambda: all(len(node.resources.keeper.view.methods) == len(nodes) for node in nodes))
    return tokens


def _concerns(signed: SignedDocument, member: str) -> bool:
    document = Document.FromString(signed.document)
    return document.HasField("directory") or member in document.agreement.parties


async def _join(station: Station, documents: Sequence[SignedDocument]) -> str:
    admin = MemoryClient(station.house.node, Door.ADMIN)
    for document in (one for one in documents if _concerns(one, station.resources.member)):
        imported = ImportDocumentRequest(document=document)
        await admin.call("/tongban.api.admin.v1.AdminService/ImportDocument", imported, ImportDocumentResponse)
    roles = [WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP, WINDOW_ROLE_OFFICER]
    request = AddWindowRequest(window_id="hall-1", name="大厅一号窗口", roles=roles)
    return (await admin.call("/tongban.api.admin.v1.AdminService/AddWindow", request, AddWindowResponse)).token


def brought(member: str) -> list[Brought]:
    """Return what the member's own plugins would bring."""
    if member == CHONGMING:
        return [Brought("people", identity=lambda party: Verdict.MATCH if party == PERSON else Verdict.NOT_FOUND)]
    if member == QIDONG:
        return [
            Brought(
                "desk",
                items=[_desk_item(), _instant_item(), _unshared_item()],
                credit=_records,
                services=tongban_services(),
            )
        ]
    return []


def _desk_item() -> Item:
    item = Item(
        code=DESK_ITEM,
        name="公司变更登记注册",
        type=ItemType.ADMINISTRATIVE_LICENCE,
        deciding_fact=DecidingFact.REGISTRATION,
        result_title="准予变更登记通知书",
        form=[Field("new_address", "变更后住所")],
        materials=[
            Required("application", "变更登记申请书"),
            Required("photo", "照片", required=False, media_types=["image/png", "image/jpeg"]),
        ],
        promised_days=3,
    )
    item.handler(lambda case: LeaveToOfficer())
    return item


def _instant_item() -> Item:
    item = Item(INSTANT_ITEM, "开具示例证明", ItemType.PUBLIC_SERVICE, DecidingFact.REGISTRATION, "示例证明")

    @item.handler
    def answer(case: Case) -> Answer:
        return Approve(f"{case.applicant.name}:特此证明。")

    return item


def _unshared_item() -> Item:
    return Item(UNSHARED_ITEM, "不予共享的事项", ItemType.OTHER, DecidingFact.REGISTRATION, "决定书")


def _records(credit_code: str) -> list[CreditRecord]:
    count = 110_000 if credit_code == BULKY_CODE else 1
    return [CreditRecord(RecordKind.HONOUR, "守合同重信用", "启东市", NOW.date())] * count
