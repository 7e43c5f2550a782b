"""The directory's authority: members come and go, and what it publishes is believed or not."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tongban.api.documents.v1.documents_pb2 import (
    Document,
    Member,
)
from tongban.core.errors import Refusal
from tongban.core.times import moment
from tongban.federation.formation import (
    Age,
    FormationError,
    add_member,
    draft,
    init_authority,
    init_node,
    members,
    publish,
    read_document,
    read_terms,
    remove_member,
    sign,
)

from .forming import CHONGMING, NOW, QIDONG, TERMS, believed_by, new_node


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    init_authority(tmp_path / "authority", "长三角通办")
    return tmp_path / "authority"


class TestAnAuthority:
    def test_it_publishes_who_is_in(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        assert add_member(authority, tmp_path / "n/member.card") == card
        signed = read_document(publish(authority, Age(30, 20), NOW), "directory")
        document = believed_by(1, signed, authority).document
        assert document.directory.federation == "长三角通办"
        assert list(document.directory.members) == [card]
        assert (moment(document.stale_at), moment(document.expires_at)) == (
            NOW + timedelta(days=20),
            NOW + timedelta(days=30),
        )

    def test_each_directory_is_newer_than_the_last(self, authority: Path) -> None:
        versions = [
            Document.FromString(read_document(publish(authority, Age(), NOW), "directory").document).version
            for _ in range(3)
        ]
        assert versions == [1, 2, 3]

    def test_a_new_card_replaces_the_older_one(self, tmp_path: Path, authority: Path) -> None:
        for home in ("old", "new"):
            init_node(tmp_path / home, new_node(), NOW)
            add_member(authority, tmp_path / home / "member.card")
        assert members(authority) == [Member.FromString((tmp_path / "new/member.card").read_bytes())]

    def test_a_card_with_what_is_another_members_is_refused(self, tmp_path: Path, authority: Path) -> None:
        """Else a member could have itself listed with another's certificate, and so cut it off."""
        one = init_node(tmp_path / "one", new_node(), NOW)
        other = init_node(tmp_path / "other", new_node(QIDONG), NOW)
        add_member(authority, tmp_path / "one/member.card")
        card = tmp_path / "other/member.card"
        for stolen in (Member(keys=one.keys), Member(nodes=one.nodes)):
            changed = Member.FromString(other.SerializeToString())
            changed.MergeFrom(stolen)
            card.write_bytes(changed.SerializeToString())
            with pytest.raises(FormationError, match=f"{CHONGMING} and {QIDONG} are listed with the same"):
                add_member(authority, card)
        assert members(authority) == [one]

    def test_a_directory_with_what_two_members_share_is_not_published(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        add_member(authority, tmp_path / "n/member.card")
        card.id = QIDONG
        (authority / "members" / f"{QIDONG}.card").write_bytes(card.SerializeToString())
        with pytest.raises(FormationError, match="are listed with the same key"):
            publish(authority, Age(), NOW)
        assert not (authority / "directory.signed").exists()

    def test_a_card_whose_certificate_has_no_name_is_refused(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        card.nodes[0].certificate = b"no certificate"
        (tmp_path / "n/member.card").write_bytes(card.SerializeToString())
        with pytest.raises(FormationError, match=f"of {CHONGMING} cannot be read; have the member send"):
            add_member(authority, tmp_path / "n/member.card")

    def test_who_is_removed_is_not_in_the_next_directory(self, tmp_path: Path, authority: Path) -> None:
        for member in (CHONGMING, QIDONG):
            init_node(tmp_path / member, new_node(member), NOW)
            add_member(authority, tmp_path / member / "member.card")
        remove_member(authority, CHONGMING)
        assert [member.id for member in members(authority)] == [QIDONG]
        with pytest.raises(FormationError, match=f"it is no member; the members are {QIDONG}"):
            remove_member(authority, CHONGMING)
        with pytest.raises(FormationError, match="it is no member"):
            remove_member(authority, "../members/320681")

    def test_several_authorities_sign_one_directory(self, tmp_path: Path, authority: Path) -> None:
        other = tmp_path / "other"
        init_authority(other, "长三角通办")
        file = publish(authority, Age(), NOW)
        with pytest.raises(Refusal, match="1 of the trusted authorities signed it, and 2 must"):
            believed_by(2, read_document(file, "directory"), authority, other)
        sign(other, file)
        sign(other, file)
        signed = read_document(file, "directory")
        assert len(signed.seals) == 2
        assert believed_by(2, signed, authority, other).document.version == 1

    def test_it_is_not_made_twice(self, authority: Path) -> None:
        key = (authority / "authority.key").read_bytes()
        with pytest.raises(FormationError, match="a key is never overwritten"):
            init_authority(authority, "长三角通办")
        assert (authority / "authority.key").read_bytes() == key
        assert stat.S_IMODE((authority / "authority.key").stat().st_mode) == 0o600

    @pytest.mark.parametrize("age", [Age(30, 31), Age(30, 0), Age(0, 0)])
    def test_a_directory_grows_stale_before_it_expires(self, authority: Path, age: Age) -> None:
        with pytest.raises(FormationError, match="stale_days must be at least 1 and at most valid_days"):
            publish(authority, age, NOW)
        assert not (authority / "directory.signed").exists()

    def test_a_folder_of_nobody_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError, match="make one with `tongban directory init`"):
            publish(tmp_path, Age(), NOW)

    def test_a_damaged_key_is_named(self, authority: Path) -> None:
        (authority / "authority.key").write_bytes(b"no key")
        with pytest.raises(FormationError, match=r"authority\.key holds no .* restore the file from a backup"):
            publish(authority, Age(), NOW)

    def test_a_card_that_was_altered_is_refused(self, tmp_path: Path, authority: Path) -> None:
        init_node(tmp_path / "n", new_node(), NOW)
        card = tmp_path / "n/member.card"
        whole = Member.FromString(card.read_bytes())
        whole.keys[0].key_id = "0" * 32
        card.write_bytes(whole.SerializeToString())
        with pytest.raises(FormationError, match="is not what its id says; have the member send"):
            add_member(authority, card)
        card.write_bytes(b"no card")
        with pytest.raises(FormationError, match="is no member's card"):
            add_member(authority, card)

    def test_an_authority_signs_directories_only(self, tmp_path: Path, authority: Path) -> None:
        terms = tmp_path / "terms.toml"
        terms.write_text(TERMS, encoding="utf-8")
        (tmp_path / "agreement").write_bytes(draft(read_terms(terms), NOW).SerializeToString())
        with pytest.raises(FormationError, match="an authority signs directories"):
            sign(authority, tmp_path / "agreement")
