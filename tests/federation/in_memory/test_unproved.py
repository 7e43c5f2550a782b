"""Questions that cannot be believed: bound by quotas, few in the log, and nobody is said to have asked who did not."""

from dataclasses import replace

from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.federation.load.unproved import RECORDS

from .faults import with_header
from .laid_out import CHONGMING, CREDIT, FIRM, HANGZHOU, QIDONG, LaidOut
from .peers import Peer
from .test_quotas import ASKED, limited
from .town import Town

REQUEST = QueryCreditRequest(credit_code=FIRM.number)


def asking(town: Town, certified: str = CHONGMING) -> Peer:
    return Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer, certified)


async def recorded(town: Town, peer: Peer, question: Question, times: int) -> tuple[set[str], list[str]]:
    """Hand a question in again and again; return how it was refused, and what the log says of it."""
    before = len(await town.evidence(QIDONG))
    told = {(await peer.hand(question)).code for _ in range(times)}
    records = (await town.evidence(QIDONG))[before:]
    return told, [one.error_code for one in records if "DocumentService" not in one.method]


async def test_a_peers_quota_binds_what_it_hands_in_again(laid_out: LaidOut) -> None:
    town = Town(laid_out)
    limited(town, QIDONG, "peer_per_second = 0.1", "peer_burst = 5")
    async with town:
        await town.start(CHONGMING, QIDONG)
        peer = asking(town)
        question = await peer.question(CREDIT, REQUEST, context=ASKED)
        told, records = await recorded(town, peer, question, 100)
        assert told - {""} == {"MESSAGE_REPLAYED", "QUOTA_EXCEEDED"}
        assert "QUOTA_EXCEEDED" not in records
        assert 1 < len(records) <= 6


async def test_a_quota_binds_what_nobody_answers_either(laid_out: LaidOut) -> None:
    town = Town(laid_out)
    limited(town, QIDONG, "peer_per_second = 0.1", "peer_burst = 5")
    async with town:
        await town.start(CHONGMING, QIDONG)
        told = [(await asking(town).ask("/no.such.v1.Service/Method", b"")).code for _ in range(20)]
        assert told.count("METHOD_UNKNOWN") <= 6
        assert set(told) == {"METHOD_UNKNOWN", "QUOTA_EXCEEDED"}


async def test_without_a_quota_few_records_are_left_too(town: Town) -> None:
    peer = asking(town)
    question = await peer.question(CREDIT, REQUEST, context=ASKED)
    _, records = await recorded(town, peer, question, 300)
    assert RECORDS.burst <= len(records) <= RECORDS.burst + 2


async def test_at_a_door_without_certificates_everybody_has_the_same_few(town: Town) -> None:
    peer = replace(asking(town), certified="")
    one, other = [await peer.question(CREDIT, REQUEST, sender=sender) for sender in (CHONGMING, HANGZHOU)]
    with_header(one.message, window="hall-9")
    _, records = await recorded(town, peer, one, RECORDS.burst)
    _, more = await recorded(town, peer, other, 100)
    assert (len(records), len(more) <= 1) == (RECORDS.burst, True)


async def test_a_member_that_never_asked_is_not_said_to_have_asked(town: Town) -> None:
    answered = await asking(town).ask(CREDIT, REQUEST, sender=HANGZHOU, window="hall-1", context=ASKED)
    record = (await town.evidence(QIDONG))[-1]
    assert answered.code == record.error_code == "PEER_UNKNOWN"
    assert (record.asking, record.answering, record.window) == (CHONGMING, QIDONG, "")
    assert not record.HasField("context")
    assert record.question.header


async def test_a_seal_that_is_wrong_is_told_of_whoever_handed_it_in(town: Town) -> None:
    question = await asking(town).question(CREDIT, REQUEST)
    with_header(question.message, window="hall-9")
    for certified, named in ((CHONGMING, CHONGMING), ("", "")):
        await asking(town, certified).hand(question)
        record = (await town.evidence(QIDONG))[-1]
        assert (record.error_code, record.asking, record.window) == ("MESSAGE_ALTERED", named, "")


async def test_a_header_that_is_long_is_not_kept(town: Town) -> None:
    unknown_field = b"\xfa\x7f" + b"\xc0\x3e" + bytes(8000)  # Number 2047, of 8,000 bytes.
    question = await asking(town).question(CREDIT, REQUEST)
    question.message.header += unknown_field
    await asking(town).hand(question)
    record = (await town.evidence(QIDONG))[-1]
    assert (record.error_code, record.HasField("question")) == ("MESSAGE_ALTERED", False)
    assert record.ByteSize() < 1_000
