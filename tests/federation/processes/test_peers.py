"""Peers that are down, hang, or are none: who asks is told, cases wait, nothing is lost, and others are served."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_CORRECTION, CASE_STATE_RECEIVED
from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.api.identity.v1.identity_pb2 import VerifyIdentityRequest
from tongban.core import Refusal, codes
from tongban.core.client import Client
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation, eventually
from tongban.core.times import wall_clock
from tongban.federation.formation import authority

from .looking import Log, await_state, nothing_done, refusal_of, submit_company_change
from .people import AGENT, APPLICANT, CHONGMING, CREDIT, FIRM, HEFEI, PURPOSE, QIDONG, plan_of_two
from .raw import RawPeer, refusal_told

OpenWindow = Callable[[str], Client]


def ask_credit(window: Client, **options: float) -> object:
    """Ask 启东 about the firm."""
    timeout = options.get("timeout", 10.0)
    return window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE, timeout=timeout)


@contextmanager
def down(federation: Federation, member: str) -> Iterator[None]:
    """Have a node killed for a while."""
    federation.nodes[member].kill()
    try:
        yield
    finally:
        federation.nodes[member].start()
    federation.await_catalogues()


@contextmanager
def hanging(federation: Federation, member: str) -> Iterator[None]:
    """Have a node's process stand still for a while."""
    pid = federation.nodes[member].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class TestAPeerThatIsDown:
    def test_is_named_at_once_to_all_who_ask(self, federation: Federation, clerk: Client) -> None:
        log = Log(federation, CHONGMING)
        with down(federation, QIDONG), ThreadPoolExecutor(10) as pool:
            begun = time.monotonic()
            asked = [pool.submit(ask_credit, clerk) for _ in range(10)]
            for one in asked:
                refusal = refusal_of(one.result, codes.PEER_UNAVAILABLE)
                assert (refusal.facts["member"], refusal.code.retryable) == (QIDONG, True)
            assert time.monotonic() - begun < 5.0
            served = clerk.verify_person(APPLICANT.name, APPLICANT.number, to=HEFEI, purpose=PURPOSE)
            assert served.verdict is Verdict.MATCH
        assert log.codes(CREDIT) == ["PEER_UNAVAILABLE"] * 30  # Each asks three times
        eventually(lambda: ask_credit(clerk))

    def test_does_not_hinder_intake_and_gets_the_case_later(
        self, federation: Federation, window: OpenWindow, clerk: Client
    ) -> None:
        with down(federation, QIDONG):
            answer = clerk.submit(
                "00013112700402",
                deciding_place="320681",
                applicant=FIRM,
                agent=AGENT,
                form={"new_address": "启东市虚构路 1 号"},
            )
            assert answer.receipt.signature
            summary = clerk.case(answer.case_id).summary
            assert summary.state == CASE_STATE_RECEIVED
            assert summary.hindrance == f"waits for the node of {QIDONG} (1 to deliver)"
            with federation.admin(CHONGMING) as admin:
                [peer] = [one for one in admin.status().peers if one.member == QIDONG]
                assert (peer.queued, peer.linked) == (1, False)
                eventually(lambda: any(f"wait for {QIDONG}" in one for one in admin.status().problems))
        await_state(clerk, answer.case_id, CASE_STATE_CORRECTION)
        assert not clerk.case(answer.case_id).summary.hindrance
        assert len(window(QIDONG).case(answer.case_id).events) == 3  # 收件, 到件, 补正告知: each once.


class TestAPeerThatHangs:
    def test_costs_its_askers_no_more_than_they_allow(self, federation: Federation, clerk: Client) -> None:
        ask_credit(clerk)
        with hanging(federation, QIDONG):
            begun = time.monotonic()
            with pytest.raises(Refusal) as caught:
                ask_credit(clerk, timeout=1.0)
            assert caught.value.code in (codes.DEADLINE, codes.PEER_UNAVAILABLE)
            assert time.monotonic() - begun < 2.0
            served = clerk.verify_person(APPLICANT.name, APPLICANT.number, to=HEFEI, purpose=PURPOSE)
            assert served.verdict is Verdict.MATCH
            case_id = submit_company_change(clerk)
        eventually(lambda: ask_credit(clerk))
        await_state(clerk, case_id, CASE_STATE_CORRECTION)

    def test_is_noticed(self, federation: Federation, clerk: Client) -> None:
        ask_credit(clerk)
        with hanging(federation, QIDONG):
            begun = time.monotonic()
            refusal_of(lambda: ask_credit(clerk, timeout=20.0), codes.PEER_UNAVAILABLE)
            assert time.monotonic() - begun < 10.0
        eventually(lambda: ask_credit(clerk))


@pytest.fixture(scope="module")
def rogues(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return a federation of impostors: it lists the true 启东, and an own node that listens at 启东's address."""
    folder = tmp_path_factory.mktemp("rogues")
    plan = plan_of_two(folder / "plan")
    address = federation.places[QIDONG].peers
    text = plan.read_text("utf-8").replace('name = "江苏启东"', f'name = "江苏启东"\npeers = "{address}"')
    plan.write_text(text, encoding="utf-8")
    with Federation.lay_out(plan, folder / "f") as laid_out:
        place = laid_out.folder / "authority"
        authority.add_member(place, federation.places[QIDONG].home / "member.card")
        authority.publish(place, authority.Age(), wall_clock())
        yield laid_out


def start(rogues: Federation, member: str) -> None:
    """Start an impostor."""
    rogues.nodes[member].start()
    with rogues.admin(member) as admin:
        admin.import_document(SignedDocument.FromString(rogues.directory.read_bytes()))
        rogues.tokens[member] = admin.add_window("hall-1", "窗口", [WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP])


class TestANodeThatTheDirectoryDoesNotList:
    def test_is_refused_in_the_handshake(self, federation: Federation, rogues: Federation) -> None:
        stranger, true = rogues.places[CHONGMING], federation.places[QIDONG]
        with nothing_done(federation, QIDONG), RawPeer(stranger, true) as peer:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = peer.channel.unary_unary(
                "/tongban.api.documents.v1.DocumentService/ListDocuments"
            )
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=5.0)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    def test_that_runs_gets_nothing(self, federation: Federation, rogues: Federation, clerk: Client) -> None:
        log = Log(federation, QIDONG)
        with nothing_done(federation, QIDONG):
            start(rogues, CHONGMING)
            with rogues.window(CHONGMING) as stranger, rogues.admin(CHONGMING) as admin:
                refusal_of(lambda: ask_credit(stranger), codes.PEER_UNAVAILABLE)
                [peer] = [one for one in admin.status().peers if one.member == QIDONG]
                assert peer.problem
            assert rogues.nodes[CHONGMING].stop() == 0
            assert ask_credit(clerk)
        assert log.codes(CREDIT) == [""]

    def test_with_the_certificate_of_a_member_but_not_its_key_cannot_speak(
        self, federation: Federation, rogues: Federation, tmp_path: Path
    ) -> None:
        keys = tmp_path / "keys"
        shutil.copytree(rogues.places[CHONGMING].home / "keys", keys)
        shutil.copy(federation.places[CHONGMING].certificate, keys / "node.crt")
        with RawPeer(federation.places[CHONGMING], federation.places[QIDONG], keys) as peer:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = peer.channel.unary_unary("/a.B/C")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=2.0)
            assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_at_the_address_of_a_member_gets_no_case(
        self, federation: Federation, rogues: Federation, clerk: Client
    ) -> None:
        with down(federation, QIDONG):
            start(rogues, QIDONG)
            refusal_of(lambda: ask_credit(clerk), codes.PEER_UNAVAILABLE)
            case_id = submit_company_change(clerk)
            with federation.admin(CHONGMING) as admin:
                eventually(lambda: any(f"wait for {QIDONG}" in one for one in admin.status().problems))
            with rogues.window(QIDONG) as impostor:
                assert impostor.cases() == []
            assert rogues.nodes[QIDONG].stop() == 0
        await_state(clerk, case_id, CASE_STATE_CORRECTION)


def test_a_member_cannot_speak_for_another(federation: Federation) -> None:
    """合肥, whose certificate is in the directory, sends what 崇明 sealed."""
    with (
        RawPeer(federation.places[CHONGMING], federation.places[QIDONG]) as true,
        RawPeer(federation.places[HEFEI], federation.places[QIDONG]) as other,
    ):
        question = true.question(CREDIT, VerifyIdentityRequest(), PURPOSE)
        link = other.link()
        [answer] = link.ask(question)
        link.close()

    refusal = refusal_told(answer)
    assert refusal is not None
    assert refusal.code == codes.PEER_UNKNOWN
