"""A member's encryption keys: the next one before the present ones, and then alone."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.encryption import DecryptionKeys, encrypt
from tongban.federation.formation import (
    FormationError,
    NewNode,
    add_encryption_key,
    forget_encryption_keys,
    init_node,
)

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
FILE = "keys/encryption.key"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    init_node(tmp_path / "n", NewNode("320681", "江苏启东", "127.0.0.1:7400", "10.3.0.9:7401"), NOW)
    return tmp_path / "n"


def card(home: Path) -> Member:
    return Member.FromString((home / "member.card").read_bytes())


def test_the_next_key_is_first_and_the_present_ones_still_open(home: Path) -> None:
    before = card(home)
    hidden = encrypt(before.encryption_keys[0], b"text", b"")
    after = add_encryption_key(home)
    assert after == card(home)
    assert after.encryption_keys[1:] == before.encryption_keys
    held = DecryptionKeys.load(home / FILE)
    assert held.public_keys == list(after.encryption_keys)
    assert held.decrypt(before.encryption_keys[0].key_id, hidden, b"") == b"text"
    assert (after.keys, after.nodes) == (before.keys, before.nodes)


def test_in_the_end_the_newest_is_alone(home: Path) -> None:
    for _ in range(2):
        newest = add_encryption_key(home).encryption_keys[0]
    assert list(forget_encryption_keys(home).encryption_keys) == [newest]
    assert DecryptionKeys.load(home / FILE).public_keys == [newest]
    assert list(forget_encryption_keys(home).encryption_keys) == [newest]


def test_its_owner_alone_reads_it_and_nothing_is_left_over(home: Path) -> None:
    add_encryption_key(home)
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert not list(home.rglob("*.unfinished"))


def test_a_node_without_keys_gets_its_first(home: Path) -> None:
    (home / FILE).unlink()
    with pytest.raises(FormationError, match="make one with"):
        forget_encryption_keys(home)
    assert len(add_encryption_key(home).encryption_keys) == 1


def test_no_more_keys_are_made_than_a_card_lists(home: Path) -> None:
    for _ in range(9):
        add_encryption_key(home)
    with pytest.raises(FormationError, match="there are 10; forget the old ones first"):
        add_encryption_key(home)
    assert len(card(home).encryption_keys) == 10


def test_a_damaged_file_is_left_as_it_is(home: Path) -> None:
    (home / FILE).write_bytes(b"garbage")
    for step in (add_encryption_key, forget_encryption_keys):
        with pytest.raises(FormationError, match="restore it from a backup"):
            step(home)
    assert (home / FILE).read_bytes() == b"garbage"


def test_another_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(FormationError, match=r"member\.card"):
        add_encryption_key(tmp_path)
