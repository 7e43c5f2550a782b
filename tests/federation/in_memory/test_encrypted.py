"""Bodies that are encrypted for their receiver: nobody else reads them, they fit no other header, logs say the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_ARRIVED
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest, QueryCreditResponse
from tongban.api.documents.v1.documents_pb2 import Member
from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core import codes
from tongban.core.encryption import DecryptionKeys, generate_encryption_key
from tongban.core.signing import private_pem
from tongban.federation.exchange import bodies, messages
from tongban.federation.formation import Age, add_member, publish, read_document

from . import calls
from .faults import Wiretap
from .laid_out import BULKY_CODE, CHONGMING, CREDIT, CREDIT_PURPOSE, FIRM, INSTANT_ITEM, NOW, QIDONG, LaidOut
from .outcomes import refused
from .peers import Liar, Peer
from .town import Town

TOLD = CallContext(to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1")
REQUEST = QueryCreditRequest(credit_code=FIRM.number)
SECRETS = [FIRM.number.encode(), FIRM.name.encode(), "守合同重信用".encode(), "人民路".encode()]


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    """The two members of a matter, of whom 崇明 encrypts what it asks 启东."""
    encrypting(laid_out, CHONGMING, QIDONG)
    async with Town(laid_out) as town:
        yield await town.start(CHONGMING, QIDONG)


def encrypting(laid_out: LaidOut, member: str, peer: str) -> None:
    with (laid_out.folder / member / "node.toml").open("a") as file:
        file.write(f'\n[carriers."{peer}"]\nencrypt = true\n')


async def with_card(laid_out: LaidOut, member: str, change: Callable[[Member], object]) -> None:
    """Publish a directory in which a member's card is changed."""
    authority = laid_out.folder / "authority"
    card = Member.FromString((authority / "members" / f"{member}.card").read_bytes())
    change(card)
    changed = laid_out.folder / "changed.card"
    changed.write_bytes(card.SerializeToString())
    add_member(authority, changed)
    await asyncio.to_thread(publish, authority, Age(), NOW)


async def learn_directory(town: Town, *members: str) -> None:
    directory = read_document(town.laid_out.folder / "authority" / "directory.signed", "directory")
    for member in members:
        await calls.import_document(town.admin(member), directory)


def peer(town: Town, member: str = CHONGMING) -> Peer:
    resources = town.nodes[member].resources
    return Peer(town.nodes[QIDONG], member, resources.signer, keys=resources.decryption)


async def test_neither_question_nor_answer_can_be_read_on_the_way(town: Town) -> None:
    tap = town.net.way = Wiretap()
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    await town.case_is(QIDONG, receipt.case_id, CASE_STATE_APPROVED)
    from_chongming = [frame.data for frame in tap.frames if frame.asking == CHONGMING]
    assert any(b"QueryCredit" in data for data in from_chongming)
    assert any(b"DeliverAct" in data for data in from_chongming)
    for data in from_chongming:
        assert not [secret for secret in SECRETS if secret in data]


async def test_both_logs_have_the_digests_of_what_was_said_and_what_proves_them(town: Town) -> None:
    await calls.query(town.asker())
    asked, answered = (await town.evidence(CHONGMING))[-1], (await town.evidence(QIDONG))[-1]
    assert (asked.question, asked.answer) == (answered.question, answered.answer)
    assert asked.question_digest == answered.question_digest == sha256(REQUEST.SerializeToString()).digest()
    assert asked.answer_digest == answered.answer_digest
    assert (asked.question_salt, asked.answer_salt) == (answered.question_salt, answered.answer_salt)
    content = asked.question_salt + asked.question_digest
    assert Header.FromString(asked.question.header).encryption.content_digest == sha256(content).digest()
    assert Header.FromString(asked.question.header).body_digest != asked.question_digest


async def test_a_refusal_by_the_peer_is_encrypted_as_an_answer_is(town: Town) -> None:
    tap = town.net.way = Wiretap()
    with refused(codes.NO_AGREEMENT_ROW) as caught:
        await calls.query(town.asker(purpose="看看"))
    assert caught.value.member == QIDONG
    assert not [frame for frame in tap.frames if b"NO_AGREEMENT_ROW" in frame.data]
    assert await town.errors(CHONGMING) == await town.errors(QIDONG) == ["NO_AGREEMENT_ROW"]


async def test_an_answer_that_is_too_large_is_a_refusal_as_without_encryption(town: Town) -> None:
    with refused(codes.TOO_LARGE):
        await calls.query(town.asker(seconds=30.0), BULKY_CODE)


async def test_the_largest_body_fits_encrypted(town: Town) -> None:
    body, key = bytes(messages.MOST_BODY), town.nodes[QIDONG].resources.decryption.public_keys[0]
    answered = await peer(town).ask(CREDIT, body, key=key, context=TOLD)
    assert answered.code == "MALFORMED"  # It was opened, and is no request.
    question = await peer(town).question(CREDIT, body, key=key)
    assert len(question.message.body) == messages.MOST_BODY + bodies.OVERHEAD


async def test_to_a_peer_without_a_key_nothing_leaves(town: Town) -> None:
    await with_card(town.laid_out, QIDONG, lambda card: card.ClearField("encryption_keys"))
    await learn_directory(town, CHONGMING)
    tap = town.net.way = Wiretap()
    with refused(codes.ENCRYPTION_KEY_MISSING):
        await calls.query(town.asker())
    assert tap.questions() == []
    assert await town.errors(CHONGMING) == ["", "ENCRYPTION_KEY_MISSING"]


async def test_a_case_for_a_peer_without_a_key_waits_and_is_tried_less_and_less(town: Town) -> None:
    keys = [
        key
        for member in town.nodes[CHONGMING].resources.keeper.view.members.values()
        if member.id == QIDONG
        for key in member.encryption_keys
    ]
    await with_card(town.laid_out, QIDONG, lambda card: card.ClearField("encryption_keys"))
    await learn_directory(town, CHONGMING)
    receipt = await calls.submit(town.window(CHONGMING))
    await asyncio.sleep(1.0)
    [row] = await town.nodes[CHONGMING].resources.store.outbox_due(QIDONG, 1 << 62, 9)
    assert row.error.startswith("ENCRYPTION_KEY_MISSING")
    assert 1 <= row.attempt <= 3
    await with_card(town.laid_out, QIDONG, lambda card: card.encryption_keys.extend(keys))
    await learn_directory(town, CHONGMING)
    await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)


async def test_an_asker_without_a_key_is_refused_rather_than_answered_in_the_clear(town: Town) -> None:
    await with_card(town.laid_out, CHONGMING, lambda card: card.ClearField("encryption_keys"))
    await learn_directory(town, QIDONG)
    with refused(codes.ENCRYPTION_KEY_MISSING) as caught:
        await calls.query(town.asker())
    assert caught.value.facts["member"] == CHONGMING
    assert (await town.errors(QIDONG))[-1] == "ENCRYPTION_KEY_MISSING"


@pytest.mark.parametrize(
    "changed",
    [{"id": "another"}, {"method": "/tongban.api.identity.v1.IdentityService/VerifyIdentity"}],
    ids=["id", "method"],
)
async def test_a_body_does_not_open_under_another_header(town: Town, changed: dict[str, str]) -> None:
    key = town.nodes[QIDONG].resources.decryption.public_keys[0]
    header = Header(id="one", sender=CHONGMING, receiver=QIDONG, method=CREDIT)
    moved, _ = bodies.encrypted(header, REQUEST.SerializeToString(), key)
    told = {"id": "one", "method": CREDIT, **changed}
    answered = await peer(town).ask(body=moved, context=TOLD, encryption=header.encryption, **told)
    assert answered.code == "MESSAGE_UNREADABLE"
    assert (await town.errors(QIDONG))[-1] == "MESSAGE_UNREADABLE"


async def test_a_body_that_another_sent_cannot_be_sent_as_one_s_own(town: Town) -> None:
    key = town.nodes[QIDONG].resources.decryption.public_keys[0]
    theirs = Header(id="one", sender="330100.gjj", receiver=QIDONG, method=CREDIT)
    moved, _ = bodies.encrypted(theirs, REQUEST.SerializeToString(), key)
    answered = await peer(town).ask(CREDIT, moved, id="one", context=TOLD, encryption=theirs.encryption)
    assert answered.code == "MESSAGE_UNREADABLE"


async def test_what_is_encrypted_for_another_key_or_commits_to_something_else_is_unreadable(town: Town) -> None:
    stranger = DecryptionKeys([generate_encryption_key()]).public_keys[0]
    assert (await peer(town).ask(CREDIT, REQUEST, key=stranger, context=TOLD)).code == "MESSAGE_UNREADABLE"
    key = town.nodes[QIDONG].resources.decryption.public_keys[0]
    header = Header(id="one", sender=CHONGMING, receiver=QIDONG, method=CREDIT)
    body, _ = bodies.encrypted(header, REQUEST.SerializeToString(), key)
    header.encryption.content_digest = bytes(range(32))
    answered = await peer(town).ask(CREDIT, body, id="one", context=TOLD, encryption=header.encryption)
    assert answered.code == "MESSAGE_UNREADABLE"


async def test_an_answer_in_the_clear_to_an_encrypted_question_is_not_believed(town: Town) -> None:
    asker, signer = town.nodes[CHONGMING].resources.asking, town.nodes[QIDONG].resources.signer
    asker.carrier = Liar(asker, signer, QueryCreditResponse().SerializeToString(), {})
    with refused(codes.MESSAGE_ALTERED):
        await calls.query(town.asker())


async def test_an_answer_that_does_not_open_is_a_refusal_in_the_asker_s_log(town: Town) -> None:
    asker, signer = town.nodes[CHONGMING].resources.asking, town.nodes[QIDONG].resources.signer
    stranger = DecryptionKeys([generate_encryption_key()]).public_keys[0]
    header = Header()
    body, _ = bodies.encrypted(header, b"", stranger)
    asker.carrier = Liar(asker, signer, body, {"encryption": header.encryption})
    with refused(codes.MESSAGE_UNREADABLE):
        await calls.query(town.asker())
    assert (await town.errors(CHONGMING))[-1] == "MESSAGE_UNREADABLE"


async def test_a_key_rolls_by_being_announced_before_the_old_one(town: Town) -> None:
    """The new key goes first into the file and the directory; who still encrypts for the old one is read too."""
    new, file = generate_encryption_key(), town.laid_out.folder / QIDONG / "keys" / "encryption.key"
    file.write_bytes(private_pem(new) + file.read_bytes())
    await town.restart(QIDONG)
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    await with_card(town.laid_out, QIDONG, lambda card: _announce(card, new))
    await learn_directory(town, CHONGMING)
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    used = [Header.FromString(one.question.header).encryption.key_id for one in (await town.evidence(QIDONG))[-2:]]
    assert used[::-1] == [key.key_id for key in town.nodes[QIDONG].resources.decryption.public_keys]


def _announce(card: Member, key: X25519PrivateKey) -> None:
    keys = [*DecryptionKeys([key]).public_keys, *card.encryption_keys]
    card.ClearField("encryption_keys")
    card.encryption_keys.extend(keys)


async def test_what_is_not_to_be_encrypted_is_not(laid_out: LaidOut) -> None:
    async with Town(laid_out) as town:
        await town.start(CHONGMING, QIDONG)
        await calls.query(town.asker())
        header = Header.FromString((await town.evidence(QIDONG))[-1].question.header)
        assert not header.HasField("encryption")


async def test_without_its_keys_a_node_does_not_start(laid_out: LaidOut, tmp_path: Path) -> None:
    (laid_out.folder / QIDONG / "keys" / "encryption.key").write_text("garbage")
    with pytest.raises(ValueError, match=r"encryption\.key holds no X25519 keys"):
        await Town(replace(laid_out)).start(QIDONG)
