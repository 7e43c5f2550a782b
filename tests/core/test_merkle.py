"""The Merkle tree, against the recursive definition of RFC 6962 section 2.1 and roots that are published."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tongban.core.merkle import GrowingTree, leaf_hash, levels_of, path_of, root_by_path, root_of

PUBLISHED_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots over the first one, two … eight of the leaves, as the Certificate Transparency projects publish them."""
HASHES = [leaf_hash(data) for data in PUBLISHED_LEAVES]

sizes = st.integers(1, 200)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def defined_root(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it: split at the largest power of two that is smaller than the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def defined_path(leaves: list[bytes], index: int) -> list[bytes]:
    """Return the audit path as RFC 6962 section 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*defined_path(leaves[:split], index), defined_root(leaves[split:])]
    return [*defined_path(leaves[split:], index - split), defined_root(leaves[:split])]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]).hex() == GrowingTree().root().hex() == empty


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    assert root_of(HASHES[:size]).hex() == PUBLISHED_ROOTS[size - 1]


def test_a_leaf_never_has_the_hash_of_a_node() -> None:
    assert leaf_hash(HASHES[0] + HASHES[1]) != root_of(HASHES[:2])


@given(sizes)
@settings(deadline=None)
def test_the_root_is_the_defined_one(size: int) -> None:
    leaves = leaves_of(size)
    assert root_of(leaves) == levels_of(leaves)[-1][0] == defined_root(leaves)


@given(sizes)
@settings(deadline=None)
def test_every_leaf_has_the_defined_path_and_it_leads_to_the_root(size: int) -> None:
    leaves = leaves_of(size)
    levels, root = levels_of(leaves), root_of(leaves)
    for index, leaf in enumerate(leaves):
        path = path_of(levels, index)
        assert root_by_path(leaf, index, size, path) == root
    chosen = size * 2 // 3
    assert path_of(levels, chosen) == defined_path(leaves, chosen)


@given(st.data())
@settings(deadline=None)
def test_a_path_proves_one_leaf_at_one_place_only(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    root, path = root_of(leaves), path_of(levels_of(leaves), index)
    for other in range(size):
        if other != index:
            assert root_by_path(leaves[index], other, size, path) != root
            assert root_by_path(leaves[other], index, size, path) != root


@given(st.data())
@settings(deadline=None)
def test_a_path_that_was_changed_leads_elsewhere(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 200))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    root, path = root_of(leaves), path_of(levels_of(leaves), index)
    place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(path[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    assert root_by_path(leaves[index], index, size, [*path[:place], flipped, *path[place + 1 :]]) != root
    assert root_by_path(leaves[index], index, size, [*path[:place], *path[place + 1 :]]) is None
    assert root_by_path(leaves[index], index, size, [*path, leaves[0]]) is None


@given(sizes, st.integers(1, 200))
@settings(deadline=None)
def test_a_root_holds_for_its_own_size_only(size: int, other: int) -> None:
    assert (root_of(leaves_of(size)) == root_of(leaves_of(other))) is (size == other)


def test_a_path_does_not_prove_the_size() -> None:
    """Why whoever signs a root signs the size with it: the first leaf's path is the same in trees of three and four."""
    path = path_of(levels_of(HASHES[:3]), 0)
    assert root_by_path(HASHES[0], 0, 4, path) == root_of(HASHES[:3])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (4, 3), (0, 0), (2**64 - 1, 3)])
def test_a_place_outside_the_tree_has_no_path(index: int, size: int) -> None:
    assert root_by_path(HASHES[0], index, size, []) is None


def test_the_largest_tree_that_a_seal_can_tell_costs_no_more_than_its_path() -> None:
    assert root_by_path(HASHES[0], 2**63, 2**64 - 1, [HASHES[1]] * 64) is not None
    assert root_by_path(HASHES[0], 0, 2**64 - 1, []) is None


def test_a_growing_tree_has_the_root_of_its_leaves_at_each_size() -> None:
    tree, leaves = GrowingTree(), leaves_of(200)
    for size, leaf in enumerate(leaves, 1):
        tree.append(leaf)
        assert tree.size == size
        assert tree.root() == root_of(leaves[:size])
