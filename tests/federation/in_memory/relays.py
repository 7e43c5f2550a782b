"""A federation in which 崇明 reaches 启东 through two provinces, and questions that were passed on by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from tongban.api.admin.v1.admin_pb2 import (
    ExportEvidenceResponse,
)
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.evidence.v1.evidence_pb2 import Evidence, EvidenceRecord
from tongban.api.exchange.v1.exchange_pb2 import Hop, Question
from tongban.core.evidence import Findings, verify
from tongban.core.hops import hop_leaf
from tongban.core.merkle import leaf_hash
from tongban.core.sealing import seal_all
from tongban.core.signing import Signer

from .laid_out import (
    CHONGMING,
    CREDIT,
    CREDIT_PURPOSE,
    FIRM,
    QIDONG,
    LaidOut,
)
from .peers import Peer
from .town import Town

SHANGHAI, JIANGSU, ZHEJIANG = "310000", "320000", "330000"
PROVINCES = {SHANGHAI: "上海市", JIANGSU: "江苏省", ZHEJIANG: "浙江省"}
EVERYBODY = (CHONGMING, QIDONG, *PROVINCES)

LIST = "/tongban.api.documents.v1.DocumentService/ListDocuments"
TOLD = CallContext(to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1")
REQUEST = QueryCreditRequest(credit_code=FIRM.number)
SECRETS = [FIRM.number.encode(), FIRM.name.encode(), "守合同重信用".encode(), "人民路".encode(), "特此证明".encode()]


def reached(peer: str, through: str) -> str:
    return f'\n[carriers."{peer}"]\nkind = "relay"\nthrough = "{through}"\n'


def relaying_for(*members: str) -> str:
    return f"\n[relay]\nfor = {list(members)}\n".replace("'", '"')


SETTINGS = {
    CHONGMING: reached(QIDONG, SHANGHAI),
    SHANGHAI: relaying_for(CHONGMING) + reached(QIDONG, JIANGSU),
    JIANGSU: relaying_for(QIDONG) + reached(CHONGMING, SHANGHAI),
    QIDONG: reached(CHONGMING, JIANGSU),
    ZHEJIANG: "",
}


@dataclass
class Provinces:
    """A federation whose members' settings a test may change before it starts them."""

    laid_out: LaidOut
    settings: dict[str, str]

    def town(self) -> Town:
        for member, text in self.settings.items():
            with (self.laid_out.folder / member / "node.toml").open("a") as file:
                file.write(f"{text}\n[limits]\nretry_seconds = 0.1\n")
        return Town(self.laid_out)


def of_queries(log: list[Evidence]) -> list[Evidence]:
    return [one for one in log if one.method == CREDIT]


def verified_alone(town: Town, record: Evidence) -> Findings:
    """Return what is found in a log of 启东 that has this record, as if it had been written so."""
    data, view = record.SerializeToString(), town.nodes[QIDONG].resources.keeper.view
    written = EvidenceRecord(position=0, record=data, leaf=leaf_hash(data))
    return verify([ExportEvidenceResponse(member=view.members[QIDONG], records=[written])], view)


class Relayed:
    """A question of 崇明 to a node, with hops made by hand."""

    def __init__(self, town: Town, at: str = QIDONG, receiver: str = QIDONG) -> None:
        self.town, self.at, self.receiver = town, at, receiver

    def signer(self, member: str) -> Signer:
        return self.town.nodes[member].resources.signer

    async def question(self, *members: str) -> Question:
        """Return the question as these members passed it on."""
        key = self.town.nodes[QIDONG].resources.decryption.public_keys[0]
        asker = Peer(self.town.nodes[self.at], CHONGMING, self.signer(CHONGMING))
        question = await asker.question(CREDIT, REQUEST, key=key, context=TOLD, receiver=self.receiver)
        for place in range(1, len(members) + 1):
            question.hops.append(await self.hop(question, members[:place]))
        return question

    async def hop(self, question: Question, members: Sequence[str]) -> Hop:
        (seal,) = await seal_all(self.signer(members[-1]), [hop_leaf(question.message.header, members)])
        return Hop(member=members[-1], seal=seal)

    async def handed(self, question: Question, by: str) -> str:
        """Return the code with which the node answers what this member's connection brings."""
        keys = self.town.nodes[CHONGMING].resources.decryption
        return (await Peer(self.town.nodes[self.at], CHONGMING, self.signer(CHONGMING), by, keys).hand(question)).code
