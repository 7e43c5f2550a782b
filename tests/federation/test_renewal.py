"""A node's next certificate: announced beside the present one, shown in its place, whatever comes between."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.directories import certificate_name
from tongban.federation.carriers.identity import Identity, OwnIdentity
from tongban.federation.formation import FormationError, NewNode, announce, check_listed, init_node, switch

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
KEY, CERTIFICATE = "keys/node.key", "keys/node.crt"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    init_node(tmp_path / "n", NewNode("320681", "江苏启东", "127.0.0.1:7400", "10.3.0.9:7401"), NOW)
    return tmp_path / "n"


def shown(home: Path) -> bytes:
    """Return what the node shows (DER)."""
    return x509.load_pem_x509_certificate((home / CERTIFICATE).read_bytes()).public_bytes(Encoding.DER)


def listed(home: Path) -> list[bytes]:
    return [node.certificate for node in Member.FromString((home / "member.card").read_bytes()).nodes]


def test_the_card_lists_both_and_then_the_new_one_only(home: Path) -> None:
    old = shown(home)
    card = announce(home, NOW)
    assert (listed(home), shown(home)) == ([old, card.nodes[1].certificate], old)
    assert {node.endpoint for node in card.nodes} == {"10.3.0.9:7401"}
    assert {certificate_name(node.certificate) for node in card.nodes} == {"node.320681.tongban"}
    switch(home)
    assert listed(home) == [shown(home)] == [card.nodes[1].certificate]
    Identity.load(home / KEY, home / CERTIFICATE)
    assert sorted(path.name for path in (home / "keys").glob("node.*")) == ["node.crt", "node.key"]


def test_what_the_directory_does_not_list_is_not_shown_yet(home: Path) -> None:
    before = Member.FromString((home / "member.card").read_bytes())
    with pytest.raises(FormationError, match="announce a certificate first"):
        check_listed(home, [before])
    announced = announce(home, NOW)
    for members in ([], [before], [Member(id="310151", nodes=announced.nodes)]):
        with pytest.raises(FormationError, match="every peer would refuse the node"):
            check_listed(home, members)
    check_listed(home, [Member(id="310151"), announced])


def test_the_next_one_is_for_the_same_hosts_and_lasts_longer(home: Path) -> None:
    old = x509.load_der_x509_certificate(shown(home))
    new = x509.load_der_x509_certificate(announce(home, NOW.replace(year=2027)).nodes[1].certificate)
    names = [set(one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) for one in (old, new)]
    assert names[0] == names[1]
    assert new.not_valid_after_utc > old.not_valid_after_utc


@pytest.mark.parametrize(("step", "remedy"), [(lambda home: announce(home, NOW), "switch"), (switch, "announce")])
def test_steps_out_of_order_change_nothing_and_name_the_other(
    home: Path, step: Callable[[Path], Member], remedy: str
) -> None:
    if remedy == "switch":
        announce(home, NOW)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(FormationError, match=f"tongban node {remedy}"):
        step(home)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


class PowerCut(BaseException):
    """The machine stops."""


@pytest.mark.parametrize("writes", range(7))
def test_whatever_interrupts_a_step_it_is_repeated(home: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """The power goes after so many files have got their name, of the six of both steps together."""
    old, left, replace = shown(home), [writes], Path.replace

    def until_the_power_goes(path: Path, to: Path) -> Path:
        if not left[0]:
            raise PowerCut
        left[0] -= 1
        return replace(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", until_the_power_goes)
        with suppress(PowerCut):
            announce(home, NOW)
            switch(home)
    assert listed(home)
    with suppress(FormationError):
        announce(home, NOW)
    if writes < 6:
        new = listed(home)[-1]
        assert (shown(home), new in listed(home)) == (old, True)
        switch(home)
        assert shown(home) == new
    Identity.load(home / KEY, home / CERTIFICATE)
    assert shown(home) in listed(home)


def test_a_key_is_on_the_disk_before_it_has_its_name_and_its_name_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = list[str](), os.fsync

    def noting(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").readlink().name)
        sync(file)

    monkeypatch.setattr(os, "fsync", noting)
    announce(home, NOW)
    assert synced[:2] == ["node.key.next.unfinished", "keys"]


def test_a_switch_that_was_interrupted_is_repeated(home: Path) -> None:
    own = OwnIdentity(home / KEY, home / CERTIFICATE)
    before = own.current
    announce(home, NOW)
    (home / f"{KEY}.next").replace(home / KEY)
    own.renew()
    assert own.current is before  # Key and certificate do not fit each other now.
    switch(home)
    own.renew()
    assert own.current.certificate == (home / CERTIFICATE).read_bytes() != before.certificate
    assert listed(home) == [shown(home)]
