"""How a federation comes to be: nodes' folders, the directory's authority, agreements, and all of it for practice."""

from tongban.federation.formation.agreement import AgreementTerms, draft, read_terms
from tongban.federation.formation.authority import (
    Age,
    add_member,
    init_authority,
    members,
    publish,
    remove_member,
    sign,
)
from tongban.federation.formation.encryption_keys import add_encryption_key, forget_encryption_keys
from tongban.federation.formation.errors import FormationError
from tongban.federation.formation.node import NewNode, init_node
from tongban.federation.formation.practice import Plan, Practice, PracticeNode, practice, read_plan, with_endpoints
from tongban.federation.formation.renewal import announce, check_listed, switch
from tongban.federation.formation.seals import add_seal, read_document, write_document

__all__ = [
    "Age",
    "AgreementTerms",
    "FormationError",
    "NewNode",
    "Plan",
    "Practice",
    "PracticeNode",
    "add_encryption_key",
    "add_member",
    "add_seal",
    "announce",
    "check_listed",
    "draft",
    "forget_encryption_keys",
    "init_authority",
    "init_node",
    "members",
    "practice",
    "publish",
    "read_document",
    "read_plan",
    "read_terms",
    "remove_member",
    "sign",
    "switch",
    "with_endpoints",
    "write_document",
]
