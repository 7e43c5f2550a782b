"""Seals: each thing that left with others is evidence alone, of one kind, by one key, and of nothing else."""

import asyncio
from collections.abc import Iterator
from hashlib import sha256

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_ED25519, KEY_ALGORITHM_P256
from tongban.core import merkle, sealing
from tongban.core.sealing import KeyRing, Leaf, member_sealed, seal_all, seal_is_right
from tongban.core.signing import LocalSigner, generate_key, signature_is_right

KINDS = [sealing.MESSAGE, sealing.ACT, sealing.EVENT, sealing.DOCUMENT, sealing.CHECKPOINT, sealing.ASSERTION]
OURS, PEER = "310151", "320681"
SIGNER = LocalSigner(generate_key(KEY_ALGORITHM_ED25519))
PEER_SIGNER = LocalSigner(generate_key(KEY_ALGORITHM_P256))
KEY = SIGNER.public_key


def batch(size: int) -> list[Leaf]:
    return [Leaf(KINDS[number % len(KINDS)], f"thing {number}".encode()) for number in range(size)]


def sealed(leaves: list[Leaf], signer: LocalSigner = SIGNER) -> list[Seal]:
    return asyncio.run(seal_all(signer, leaves))


def changed(seal: Seal, **fields: object) -> Seal:
    copy = Seal()
    copy.CopyFrom(seal)
    for name in fields:
        copy.ClearField(name)  # type: ignore[arg-type]
    copy.MergeFrom(Seal(**fields))  # type: ignore[arg-type]
    return copy


def flipped(data: bytes) -> Iterator[bytes]:
    """Return the data with each single bit turned."""
    whole = int.from_bytes(data, "big")
    return ((whole ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data)))


@pytest.mark.parametrize("size", range(1, 65))
def test_each_of_a_batch_is_proved_by_its_own_seal(size: int) -> None:
    leaves = batch(size)
    seals = sealed(leaves)
    assert len({seal.signature for seal in seals}) == 1
    for place, seal in enumerate(seals):
        assert seal_is_right(KEY, seal, leaves[place])
        assert size == 1 or not seal_is_right(KEY, seal, leaves[place - 1])


@pytest.mark.parametrize("signer", [SIGNER, PEER_SIGNER], ids=["ed25519", "p256"])
def test_no_seal_of_a_batch_proves_another_of_it(signer: LocalSigner) -> None:
    leaves = batch(13)
    for place, seal in enumerate(sealed(leaves, signer)):
        assert [other for other, leaf in enumerate(leaves) if seal_is_right(signer.public_key, seal, leaf)] == [place]


def test_the_seal_of_one_thing_alone_has_no_path() -> None:
    (seal,) = sealed(batch(1))
    assert (seal.tree_size, seal.leaf_index, list(seal.path)) == (1, 0, [])


@given(st.integers(1, 64), st.data())
@settings(deadline=None)
def test_a_seal_tells_its_place_and_the_size_of_its_tree(size: int, data: st.DataObject) -> None:
    leaves = batch(size)
    place = data.draw(st.integers(0, size - 1))
    seal = sealed(leaves)[place]
    other_size = data.draw(st.integers(0, 2**64 - 1).filter(lambda other: other != size))
    other_place = data.draw(st.integers(0, 2**64 - 1).filter(lambda other: other != place))
    assert not seal_is_right(KEY, changed(seal, tree_size=other_size), leaves[place])
    assert not seal_is_right(KEY, changed(seal, leaf_index=other_place), leaves[place])


def test_a_path_that_fits_a_tree_of_another_size_is_refused() -> None:
    """The first leaf's path leads to one root in trees of three and four leaves; the signature tells them apart."""
    leaves = batch(3)
    seal = sealed(leaves)[0]
    root = merkle.root_by_path(leaves[0].hash(), 0, 3, seal.path)
    assert root == merkle.root_by_path(leaves[0].hash(), 0, 4, seal.path)
    assert not seal_is_right(KEY, changed(seal, tree_size=4), leaves[0])


@pytest.mark.parametrize("signer", [SIGNER, PEER_SIGNER], ids=["ed25519", "p256"])
def test_what_is_signed_is_spelt_out_here_for_whoever_verifies_without_us(signer: LocalSigner) -> None:
    things = [(b"act", b"first"), (b"event", b"second")]
    first, second = (sha256(b"\x00" + kind + b"\x00" + data).digest() for kind, data in things)
    statement = b"tongban seal v1\x00" + (2).to_bytes(8, "big") + sha256(b"\x01" + first + second).digest()
    seals = sealed([Leaf(kind.decode(), data) for kind, data in things], signer)
    assert [list(seal.path) for seal in seals] == [[second], [first]]
    assert all(signature_is_right(signer.public_key, seal.signature, statement) for seal in seals)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seal_over_one_kind_never_passes_for_another(kind: str) -> None:
    (seal,) = sealed([Leaf(kind, b"the same bytes")])
    assert [other for other in KINDS if seal_is_right(KEY, seal, Leaf(other, b"the same bytes"))] == [kind]


def test_no_kind_holds_the_byte_that_ends_it() -> None:
    """Otherwise a kind and the beginning of some bytes could pass for another kind."""
    assert [kind for kind in KINDS if not kind.isalpha()] == []


def test_the_seal_of_another_batch_is_refused() -> None:
    leaves, others = batch(4), [*batch(3), Leaf(sealing.ACT, b"another")]
    here, there = sealed(leaves), sealed(others)
    assert seal_is_right(KEY, there[0], leaves[0])
    assert not seal_is_right(KEY, changed(here[0], path=there[0].path), leaves[0])
    assert not seal_is_right(KEY, changed(here[0], signature=there[0].signature), leaves[0])
    assert not seal_is_right(KEY, there[3], leaves[3])


def test_a_node_of_the_tree_never_passes_for_a_leaf() -> None:
    leaves = batch(4)
    seal = sealed(leaves)[0]
    inside = leaves[0].hash() + leaves[1].hash()
    assert not seal_is_right(KEY, changed(seal, tree_size=2, path=seal.path[1:]), Leaf("", inside))
    assert not seal_is_right(KEY, changed(seal, path=seal.path[1:]), Leaf("", inside))


def test_a_plain_signature_over_the_same_bytes_is_no_seal() -> None:
    leaf = Leaf(sealing.ACT, b"act")
    (seal,) = sealed([leaf])
    for signed in (leaf.data, leaf.hash()):
        assert not seal_is_right(KEY, changed(seal, signature=SIGNER.sign_now(signed)), leaf)


def test_another_key_is_refused() -> None:
    (leaf,) = batch(1)
    (seal,) = sealed([leaf])
    stranger = LocalSigner(generate_key(KEY_ALGORITHM_ED25519)).public_key
    assert not seal_is_right(stranger, seal, leaf)
    assert not seal_is_right(stranger, changed(seal, key_id=stranger.key_id), leaf)
    assert not seal_is_right(KEY, changed(seal, key_id=stranger.key_id), leaf)


def test_a_seal_is_a_members_by_the_directory_only() -> None:
    (leaf,) = batch(1)
    (seal,) = sealed([leaf])
    keys = KeyRing({(OURS, KEY.key_id): KEY, (PEER, PEER_SIGNER.public_key.key_id): PEER_SIGNER.public_key})
    assert member_sealed(keys, OURS, seal, leaf)
    assert not member_sealed(keys, PEER, seal, leaf)
    assert not member_sealed(keys, "330100", seal, leaf)
    assert not member_sealed(keys, PEER, sealed([leaf], PEER_SIGNER)[0], Leaf(leaf.kind, b"other"))
    assert not member_sealed(KeyRing({}), OURS, seal, leaf)


def test_a_key_announced_beside_the_old_one_seals_as_well() -> None:
    (leaf,) = batch(1)
    new = LocalSigner(generate_key())
    keys = KeyRing({(OURS, signer.public_key.key_id): signer.public_key for signer in (SIGNER, new)})
    assert [member_sealed(keys, OURS, sealed([leaf], signer)[0], leaf) for signer in (SIGNER, new)] == [True, True]


def test_any_bit_of_the_sealed_thing_matters() -> None:
    leaves = batch(3)
    seals = sealed(leaves)
    for leaf, seal in zip(leaves, seals, strict=True):
        assert not any(seal_is_right(KEY, seal, Leaf(leaf.kind, other)) for other in flipped(leaf.data))


@pytest.mark.parametrize("signer", [SIGNER, PEER_SIGNER], ids=["ed25519", "p256"])
@pytest.mark.parametrize("place", range(3))
def test_any_bit_of_a_seal_matters(place: int, signer: LocalSigner) -> None:
    leaves = batch(3)
    data = sealed(leaves, signer)[place].SerializeToString(deterministic=True)
    right = 0
    for other in flipped(data):
        try:
            seal = Seal.FromString(other)
        except DecodeError:
            continue
        right += seal_is_right(signer.public_key, seal, leaves[place])
    assert right == 0
