"""The policy of every RPC: by which doors it may be called, what the caller needs, and whether it leaves evidence.

A method without a policy is not served. A method that another member publishes has the policy of a look-up.
"""

from dataclasses import dataclass
from enum import Enum

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP, WINDOW_ROLE_OFFICER, WindowRole
from tongban.federation.calls import Door


class Kind(Enum):
    """What sort of method it is."""

    LOOKUP = "look-up"
    CASE = "case"
    RECORD = "record"
    PUBLIC = "public"
    ADMIN = "admin"


KINDS: dict[Kind, str] = {
    Kind.LOOKUP: "Answered by the member that the call's context names. It needs a purpose, and between members a row "
    "of an agreement; a message that was answered is not answered again.",
    Kind.CASE: "Always answered by the window's own node: what travels between members are acts and events.",
    Kind.RECORD: "Acts, events and materials between the two members of a case; repeated, they get their recorded "
    "answer.",
    Kind.PUBLIC: "What every member may know: items and documents. It can be asked again and again.",
    Kind.ADMIN: "For operators.",
}
"""What each kind means."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What one method needs."""

    kind: Kind
    doors: frozenset[Door]
    roles: "frozenset[WindowRole.ValueType]" = frozenset()
    """A window needs one of them; none are needed if it is empty."""
    officer: bool = False
    """The context must name the officer who acts."""
    recorded: bool = True
    """Leaves a record in the evidence log."""
    large: bool = False
    """Its answers are large by nature: between nodes it travels apart from what is small."""


_WINDOWS, _PEERS, _ADMIN = frozenset({Door.WINDOWS}), frozenset({Door.PEERS}), frozenset({Door.ADMIN})
_INTAKE, _OFFICER = frozenset({WINDOW_ROLE_INTAKE}), frozenset({WINDOW_ROLE_OFFICER})
_CASES = _INTAKE | _OFFICER


def is_lookup(method: str) -> bool:
    """Say whether a method is a look-up, as all are that only other members or plugins know."""
    return POLICIES.get(method, LOOKUP).kind is Kind.LOOKUP


def recorded(method: str) -> bool:
    """Say whether a method leaves a record in the evidence log."""
    return POLICIES.get(method, LOOKUP).recorded


def once(method: str) -> bool:
    """Say whether a question is answered only once; records give a repeated one its recorded answer."""
    return POLICIES.get(method, LOOKUP).kind not in (Kind.RECORD, Kind.PUBLIC)


def answers_largely(method: str) -> bool:
    """Say whether the answers of a method are large by nature."""
    return POLICIES.get(method, LOOKUP).large


LOOKUP = Policy(Kind.LOOKUP, _WINDOWS | _PEERS, frozenset({WINDOW_ROLE_LOOKUP}))
"""The policy of every look-up, also of methods that only other members know."""

_DOCUMENTS = Policy(Kind.PUBLIC, _WINDOWS | _PEERS | _ADMIN, recorded=False, large=True)
_CATALOGUE = Policy(Kind.PUBLIC, _WINDOWS | _ADMIN, recorded=False)
_OPERATE = Policy(Kind.ADMIN, _ADMIN)
_INSPECT = Policy(Kind.ADMIN, _ADMIN, recorded=False)

_API = "/tongban.api."

POLICIES: dict[str, Policy] = {
    f"{_API}catalogue.v1.CatalogueService/ListItems": _CATALOGUE,
    f"{_API}catalogue.v1.CatalogueService/GetItem": _CATALOGUE,
    f"{_API}documents.v1.DocumentService/ListDocuments": _DOCUMENTS,
    f"{_API}documents.v1.DocumentService/FetchDocument": _DOCUMENTS,
    f"{_API}identity.v1.IdentityService/VerifyIdentity": LOOKUP,
    f"{_API}credit.v1.CreditService/QueryCredit": LOOKUP,
    f"{_API}materials.v1.MaterialService/UploadMaterial": Policy(Kind.CASE, _WINDOWS, _INTAKE),
    f"{_API}materials.v1.MaterialService/FetchMaterial": Policy(Kind.RECORD, _WINDOWS | _PEERS, _CASES, large=True),
    f"{_API}cases.v1.CaseService/SubmitCase": Policy(Kind.CASE, _WINDOWS, _INTAKE, officer=True),
    f"{_API}cases.v1.CaseService/SupplementCase": Policy(Kind.CASE, _WINDOWS, _INTAKE, officer=True),
    f"{_API}cases.v1.CaseService/DecideCase": Policy(Kind.CASE, _WINDOWS, _OFFICER, officer=True),
    f"{_API}cases.v1.CaseService/GetCase": Policy(Kind.CASE, _WINDOWS, _CASES),
    f"{_API}cases.v1.CaseService/ListCases": Policy(Kind.CASE, _WINDOWS, _CASES),
    f"{_API}cases.v1.CaseService/WatchCase": Policy(Kind.CASE, _WINDOWS, _CASES),
    f"{_API}cases.v1.CaseService/GetResult": Policy(Kind.CASE, _WINDOWS, _CASES),
    f"{_API}exchange.v1.CaseExchangeService/DeliverAct": Policy(Kind.RECORD, _PEERS),
    f"{_API}exchange.v1.CaseExchangeService/DeliverEvent": Policy(Kind.RECORD, _PEERS),
    f"{_API}admin.v1.AdminService/GetStatus": _INSPECT,
    f"{_API}admin.v1.AdminService/AddWindow": _OPERATE,
    f"{_API}admin.v1.AdminService/RevokeWindow": _OPERATE,
    f"{_API}admin.v1.AdminService/ListWindows": _INSPECT,
    f"{_API}admin.v1.AdminService/ImportDocument": _OPERATE,
    f"{_API}admin.v1.AdminService/SignAgreement": _OPERATE,
    f"{_API}admin.v1.AdminService/ListPlugins": _INSPECT,
    f"{_API}admin.v1.AdminService/ExportEvidence": _OPERATE,
}
"""Every method that a node serves. The link itself is a transport's: what it carries comes here, message by message."""
