"""Documents: who must have sealed them, which one replaces which, and how they age."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tongban.api.documents.v1.documents_pb2 import (
    Agreement,
    Catalogue,
    Directory,
    Document,
    Member,
    PublicKey,
    SignedDocument,
)
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.documents import (
    LONGEST_VALID,
    Authorities,
    Believed,
    Freshness,
    believed,
    check_newer,
    digest_of,
    document_leaf,
    new_document,
)
from tongban.core.errors import Refusal
from tongban.core.sealing import ACT, KeyRing, Leaf, seal_all
from tongban.core.signing import LocalSigner, generate_key
from tongban.core.times import moment

OURS, PEER, OTHER = "310151", "320681", "330100.gjj"
NOW = datetime(2026, 10, 1, 9, 30, 0, 123456, tzinfo=UTC)
STALE, EXPIRES = timedelta(days=30), timedelta(days=90)

AUTHORITIES = [LocalSigner(generate_key()) for _ in range(3)]
TRUSTED = Authorities(tuple(one.public_key for one in AUTHORITIES), 2)
SIGNERS = {member: LocalSigner(generate_key()) for member in (OURS, PEER, OTHER)}
KEYS = KeyRing({(member, signer.public_key.key_id): signer.public_key for member, signer in SIGNERS.items()})

DIRECTORY = Directory(
    federation="长三角",
    members=[Member(id=member, name="示例", keys=[signer.public_key]) for member, signer in SIGNERS.items()],
)
CATALOGUE = Catalogue(member=PEER)
AGREEMENT = Agreement(name="registration", parties=[OURS, PEER], contact="021-0000")
CONTENTS: dict[str, tuple[Directory | Catalogue | Agreement, list[LocalSigner]]] = {
    "directory": (DIRECTORY, AUTHORITIES[:2]),
    "catalogue/320681": (CATALOGUE, [SIGNERS[PEER]]),
    "agreement/310151/320681/registration": (AGREEMENT, [SIGNERS[OURS], SIGNERS[PEER]]),
}
"""Each kind of document by name, with those who must sign it."""


def made(content: Directory | Catalogue | Agreement, version: int = 1) -> Document:
    return new_document(content, version, NOW, STALE, EXPIRES)


def signed(document: Document | bytes, *signers: LocalSigner) -> SignedDocument:
    data = document if isinstance(document, bytes) else document.SerializeToString(deterministic=True)
    seals = [asyncio.run(seal_all(signer, [document_leaf(data)]))[0] for signer in signers]
    return SignedDocument(document=data, seals=seals)


def believe(one: SignedDocument) -> Believed:
    return believed(one, TRUSTED, KEYS)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def code_for(one: SignedDocument) -> Code:
    return refused(lambda: believe(one)).code


@pytest.mark.parametrize("name", CONTENTS)
def test_a_document_that_the_right_ones_sealed_is_believed(name: str) -> None:
    content, signers = CONTENTS[name]
    document = made(content)
    one = signed(document, *signers)
    got = believe(one)
    assert (got.name, got.document, got.signed) == (name, document, one)
    assert got.digest == digest_of(one) == sha256(one.document).hexdigest()
    head = got.head()
    assert (head.name, head.version, head.digest) == (name, 1, got.digest)
    assert (head.stale_at, head.expires_at) == (document.stale_at, document.expires_at)


@pytest.mark.parametrize("signers", [[0, 1], [0, 2], [1, 2], [2, 1, 0], [0, 0, 1]])
def test_two_of_three_authorities_are_enough(signers: list[int]) -> None:
    assert believe(signed(made(DIRECTORY), *(AUTHORITIES[place] for place in signers))).name == "directory"


@pytest.mark.parametrize("signers", [[], [0], [0, 0], [1, 1, 1]])
def test_one_authority_is_not_enough_however_often_it_signs(signers: list[int]) -> None:
    refusal = refused(lambda: believe(signed(made(DIRECTORY), *(AUTHORITIES[place] for place in signers))))
    assert (refusal.code, refusal.facts) == (codes.DOCUMENT_INVALID, {"name": "directory"})
    assert refusal.rule == f"{len(set(signers))} of the trusted authorities signed it, and 2 must"


def test_an_authority_that_is_listed_twice_counts_once() -> None:
    twice = Authorities((AUTHORITIES[0].public_key, AUTHORITIES[0].public_key), 2)
    one = signed(made(DIRECTORY), AUTHORITIES[0], AUTHORITIES[0])
    assert refused(lambda: believed(one, twice, KEYS)).code is codes.DOCUMENT_INVALID


def test_members_and_strangers_are_no_authorities() -> None:
    stranger = LocalSigner(generate_key())
    assert code_for(signed(made(DIRECTORY), AUTHORITIES[0], SIGNERS[OURS], stranger)) is codes.DOCUMENT_INVALID


def test_seals_of_strangers_beside_the_right_ones_do_no_harm() -> None:
    stranger = LocalSigner(generate_key())
    for content, signers in CONTENTS.values():
        assert believe(signed(made(content), stranger, *signers, stranger))


def test_a_catalogue_is_its_members_own() -> None:
    assert code_for(signed(made(CATALOGUE), SIGNERS[OURS])) is codes.DOCUMENT_INVALID
    assert code_for(signed(made(CATALOGUE), *AUTHORITIES)) is codes.DOCUMENT_INVALID
    assert code_for(signed(made(CATALOGUE))) is codes.DOCUMENT_INVALID


@pytest.mark.parametrize("signers", [[], [OURS], [PEER], [OURS, OURS], [OURS, OTHER]])
def test_an_agreement_needs_both_parties(signers: list[str]) -> None:
    refusal = refused(lambda: believe(signed(made(AGREEMENT), *(SIGNERS[member] for member in signers))))
    missing = OURS if OURS not in signers else PEER
    assert (refusal.code, refusal.rule) == (
        codes.DOCUMENT_INVALID,
        f"no key that the directory lists for {missing} signed it; `tongban agreement sign` does, at its node",
    )


@pytest.mark.parametrize("parties", [[PEER, OURS], [OURS, OURS]])
def test_the_parties_of_an_agreement_are_two_in_the_order_of_their_ids(parties: list[str]) -> None:
    """Else one agreement could stand under two names, and an old version beside a new one."""
    one = signed(made(Agreement(name="registration", parties=parties)), SIGNERS[OURS], SIGNERS[PEER])
    assert "in the order of their ids" in refused(lambda: believe(one)).rule


def test_a_key_that_left_the_directory_signs_nothing_any_more() -> None:
    fewer = KeyRing({place: key for place, key in KEYS.keys.items() if place[0] != PEER})
    one = signed(made(CATALOGUE), SIGNERS[PEER])
    assert believe(one)
    assert refused(lambda: believed(one, TRUSTED, fewer)).code is codes.DOCUMENT_INVALID


def test_a_seal_over_something_else_is_none_over_a_document() -> None:
    data = made(CATALOGUE).SerializeToString(deterministic=True)
    seals = asyncio.run(seal_all(SIGNERS[PEER], [Leaf(ACT, data)]))
    assert code_for(SignedDocument(document=data, seals=seals)) is codes.DOCUMENT_INVALID
    other = signed(made(CATALOGUE, version=2), SIGNERS[PEER])
    assert code_for(SignedDocument(document=data, seals=other.seals)) is codes.DOCUMENT_INVALID


@pytest.mark.parametrize("name", CONTENTS)
def test_no_byte_of_a_document_can_be_changed(name: str) -> None:
    content, signers = CONTENTS[name]
    one = signed(made(content), *signers)
    allowed = {codes.MALFORMED, codes.INVALID_FIELD, codes.DOCUMENT_INVALID}
    for place in range(len(one.document)):
        altered = bytearray(one.document)
        altered[place] ^= 0x01
        assert code_for(SignedDocument(document=bytes(altered), seals=one.seals)) in allowed


def test_bytes_that_are_no_document_are_refused() -> None:
    refusal = refused(lambda: believe(signed(b"\xff\xff", *AUTHORITIES)))
    assert (refusal.code, refusal.facts) == (codes.MALFORMED, {"type": "Document"})
    empty = made(CATALOGUE)
    empty.ClearField("content")
    refusal = refused(lambda: believe(signed(empty, *AUTHORITIES)))
    assert (refusal.code, refusal.field) == (codes.INVALID_FIELD, "content")


def test_a_newer_version_replaces_an_older_one() -> None:
    held, newer = (believe(signed(made(CATALOGUE, version), SIGNERS[PEER])) for version in (3, 4))
    assert check_newer(held, None) is True
    assert check_newer(newer, held) is True


def test_the_same_document_again_is_no_news_whoever_sealed_it_again() -> None:
    held = believe(signed(made(DIRECTORY), *AUTHORITIES[:2]))
    again = believe(signed(made(DIRECTORY), *AUTHORITIES[1:]))
    assert check_newer(again, held) is False


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_version_and_other_content_under_the_same_one_are_refused(version: int) -> None:
    held = believe(signed(made(AGREEMENT, 3), SIGNERS[OURS], SIGNERS[PEER]))
    other = Agreement(name="registration", parties=[OURS, PEER], contact="0513-0000")
    offered = believe(signed(made(other, version), SIGNERS[OURS], SIGNERS[PEER]))
    refusal = refused(lambda: check_newer(offered, held))
    assert refusal.code is codes.DOCUMENT_OLDER
    assert refusal.facts == {"name": held.name, "version": str(version), "held": "3"}


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (-timedelta(days=1), Freshness.FRESH),
        (timedelta(0), Freshness.FRESH),
        (STALE - MICROSECOND, Freshness.FRESH),
        (STALE, Freshness.STALE),
        (EXPIRES - MICROSECOND, Freshness.STALE),
        (EXPIRES, Freshness.EXPIRED),
        (EXPIRES + timedelta(days=4000), Freshness.EXPIRED),
    ],
)
def test_a_document_ages_at_exact_moments(age: timedelta, expected: Freshness) -> None:
    assert believe(signed(made(CATALOGUE), SIGNERS[PEER])).freshness(NOW + age) is expected


def aged(stale: timedelta, expires: timedelta, issued: datetime = NOW) -> SignedDocument:
    return signed(new_document(CATALOGUE, 1, issued, stale, expires), SIGNERS[PEER])


@pytest.mark.parametrize(("stale", "expires"), [(STALE, STALE), (timedelta(0), STALE), (STALE, LONGEST_VALID)])
def test_a_document_is_issued_then_stale_then_expired(stale: timedelta, expires: timedelta) -> None:
    assert believe(aged(stale, expires))


@pytest.mark.parametrize(
    ("stale", "expires", "rule"),
    [
        (EXPIRES + MICROSECOND, EXPIRES, "stale before it expires"),
        (-MICROSECOND, EXPIRES, "issued before it is stale"),
        (STALE, LONGEST_VALID + MICROSECOND, "20 years at most"),
    ],
)
def test_a_document_whose_moments_cannot_be_is_refused(stale: timedelta, expires: timedelta, rule: str) -> None:
    refusal = refused(lambda: believe(aged(stale, expires)))
    assert refusal.code is codes.DOCUMENT_INVALID
    assert rule in refusal.rule


def test_a_moment_that_not_every_time_zone_can_tell_is_refused() -> None:
    refusal = refused(lambda: believe(aged(STALE, EXPIRES, datetime(9998, 12, 1, tzinfo=UTC))))
    assert "9998" in refusal.rule


def test_a_document_says_when_it_was_made_and_until_when_it_serves() -> None:
    document = made(CATALOGUE)
    told = [moment(stamp) for stamp in (document.issued_at, document.stale_at, document.expires_at)]
    assert told == [NOW, NOW + STALE, NOW + EXPIRES]


def test_a_key_whose_bytes_are_no_key_seals_nothing() -> None:
    key = PublicKey(
        key_id=SIGNERS[PEER].public_key.key_id, algorithm=SIGNERS[PEER].public_key.algorithm, public_key=b"0"
    )
    broken = KeyRing({(PEER, key.key_id): key})
    one = signed(made(CATALOGUE), SIGNERS[PEER])
    assert refused(lambda: believed(one, TRUSTED, broken)).code is codes.DOCUMENT_INVALID


@pytest.mark.parametrize(
    ("issued", "stale", "expires", "rule"),
    [
        (NOW, NOW, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "it may be valid for 20 years at most"),
        (NOW, NOW, NOW + LONGEST_VALID + MICROSECOND, "it may be valid for 20 years at most"),
        (datetime(9999, 1, 1, tzinfo=UTC),) * 3 + ("its moments must be in the years 1 to 9998",),
        (NOW, NOW + EXPIRES, NOW + STALE, "it must be issued before it is stale, and stale before it expires"),
        (NOW + STALE, NOW, NOW + EXPIRES, "it must be issued before it is stale, and stale before it expires"),
    ],
)
@pytest.mark.parametrize("name", CONTENTS)
def test_the_times_of_a_document_are_possible(
    name: str, issued: datetime, stale: datetime, expires: datetime, rule: str
) -> None:
    content, signers = CONTENTS[name]
    document = made(content)
    document.issued_at.FromDatetime(issued)
    document.stale_at.FromDatetime(stale)
    document.expires_at.FromDatetime(expires)
    refusal = refused(lambda: believe(signed(document, *signers)))
    assert (refusal.code, refusal.rule) == (codes.DOCUMENT_INVALID, rule)


def test_a_document_may_be_valid_for_twenty_years() -> None:
    assert believe(signed(new_document(CATALOGUE, 1, NOW, STALE, LONGEST_VALID), SIGNERS[PEER]))
