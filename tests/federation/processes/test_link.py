"""The peer door, called with a member's own keys by somebody who says whatever he likes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest

from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.documents.v1.documents_pb2 import FetchDocumentRequest, ListDocumentsRequest, ListDocumentsResponse
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest, Header, LinkRequest, Question, SealedMessage
from tongban.core import Refusal, codes
from tongban.core.codes import Code
from tongban.core.testing.federation import Federation
from tongban.core.times import wall_clock

from .looking import Log, check_log, nothing_done, refusal_of
from .people import CHONGMING, CREDIT, FIRM, HEFEI, PURPOSE, QIDONG
from .raw import RawLink, RawPeer, refusal_told

DOCUMENTS = "/tongban.api.documents.v1.DocumentService/"
GET_STATUS = "/tongban.api.admin.v1.AdminService/GetStatus"
REQUEST = QueryCreditRequest(credit_code=FIRM.number)


@pytest.fixture(autouse=True)
def _nothing_done(federation: Federation) -> Iterator[None]:
    """Check that the attacks leave nothing behind, and that the true 崇明 is served in the end."""
    with nothing_done(federation, CHONGMING, QIDONG):
        yield
        with federation.window(CHONGMING) as window:
            assert window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).records


@pytest.fixture
def peer(federation: Federation) -> Iterator[RawPeer]:
    with RawPeer(federation.places[CHONGMING], federation.places[QIDONG]) as peer:
        yield peer


@contextmanager
def linked(peer: RawPeer) -> Iterator[RawLink]:
    link = peer.link()
    try:
        yield link
    finally:
        link.close()


def asked(peer: RawPeer, question: SealedMessage) -> Refusal | None:
    """Ask over a link of its own and return the refusal, or None for an answer."""
    with linked(peer) as link:
        [answer] = link.ask(question)
        return refusal_told(answer)


def told(refusal: Refusal | None) -> Code | None:
    return refusal.code if refusal else None


class TestAReplayedMessage:
    def test_is_refused_on_the_same_link_on_another_and_after_a_restart(
        self, federation: Federation, peer: RawPeer
    ) -> None:
        log = Log(federation, QIDONG)
        question = peer.question(CREDIT, REQUEST, PURPOSE)
        with linked(peer) as link:
            answers = [refusal_told(link.ask(question)[0]) for _ in range(2)]
        assert [told(one) for one in answers] == [None, codes.MESSAGE_REPLAYED]
        assert told(asked(peer, question)) == codes.MESSAGE_REPLAYED
        assert federation.nodes[QIDONG].stop() == 0
        federation.nodes[QIDONG].start()
        with RawPeer(peer.own, peer.peer) as again:
            assert told(asked(again, question)) == codes.MESSAGE_REPLAYED
        assert log.codes(CREDIT) == ["", *["MESSAGE_REPLAYED"] * 3]
        check_log(federation, QIDONG)

    def test_is_refused_within_one_frame(self, peer: RawPeer) -> None:
        question = peer.question(CREDIT, REQUEST, PURPOSE)
        with linked(peer) as link:
            answers = [refusal_told(one) for one in link.ask(question, question)]
        assert sorted(one.code.name if one else "" for one in answers) == ["", "MESSAGE_REPLAYED"]

    def test_is_refused_to_another_node(self, federation: Federation, peer: RawPeer) -> None:
        question = peer.question(CREDIT, REQUEST, PURPOSE)
        with RawPeer(peer.own, federation.places[HEFEI]) as other:
            assert told(asked(other, question)) == codes.MESSAGE_MISADDRESSED


class TestAnAlteredMessage:
    @pytest.mark.parametrize("part", ["header", "body", "signature", "key", "place in the tree"])
    def test_is_refused_whatever_was_altered(self, federation: Federation, peer: RawPeer, part: str) -> None:
        log = Log(federation, QIDONG)
        question = peer.question(CREDIT, REQUEST, PURPOSE)
        match part:
            case "header":
                header = Header.FromString(question.header)
                header.window = "other"
                question.header = header.SerializeToString()
            case "body":
                question.body = QueryCreditRequest(credit_code=FIRM.number[:-1] + "0").SerializeToString()
            case "signature":
                question.seal.signature = question.seal.signature[:-1] + bytes([question.seal.signature[-1] ^ 1])
            case "key":
                question.seal.key_id = "0" * 32
            case _:
                question.seal.tree_size, question.seal.leaf_index = 2, 1
        assert told(asked(peer, question)) == codes.MESSAGE_ALTERED
        assert log.codes(CREDIT) == ["MESSAGE_ALTERED"]
        check_log(federation, QIDONG)

    def test_is_never_answered_whichever_byte_was_flipped(self, federation: Federation, peer: RawPeer) -> None:
        whole = peer.question(CREDIT, REQUEST, PURPOSE).SerializeToString()
        for place in range(0, len(whole), 3):
            flipped = bytearray(whole)
            flipped[place] ^= 0x01
            assert not self._is_answered(peer, bytes(flipped)), f"byte {place}"
        check_log(federation, QIDONG, unchecked_seals=None)  # Some flips name a sender or key that there is not.

    def _is_answered(self, peer: RawPeer, message: bytes) -> bool:
        """Say whether a message is answered well; what follows on its link must be, unless the link ended."""
        frame = b"\n" + _with_length(b"\n" + _with_length(message) + b"\x10\x88'")  # questions: message, timeout_ms
        after = peer.question(CREDIT, REQUEST, PURPOSE)
        with linked(peer) as link, suppress(Refusal):
            link.send(frame)
            link.send(LinkRequest(questions=[Question(message=after, timeout_ms=5_000)]).SerializeToString())
            for answer in link.answers():
                if Header.FromString(answer.header).id == Header.FromString(after.header).id:
                    return False
                if refusal_told(answer) is None:
                    return True
        return False


def _with_length(data: bytes) -> bytes:
    length, out = len(data), b""
    while length > 0x7F:
        out, length = out + bytes([length & 0x7F | 0x80]), length >> 7
    return out + bytes([length]) + data


class TestAMessageThatIsNotFitting:
    def test_from_another_time_is_refused(self, peer: RawPeer) -> None:
        for minutes in (-30, 30):
            sent = wall_clock() + timedelta(minutes=minutes)
            assert told(asked(peer, peer.question(CREDIT, REQUEST, PURPOSE, sent=sent))) == codes.MESSAGE_EXPIRED

    def test_in_the_name_of_another_member_is_refused(self, peer: RawPeer) -> None:
        question = peer.question(CREDIT, REQUEST, PURPOSE, Header(sender=HEFEI))
        assert told(asked(peer, question)) == codes.PEER_UNKNOWN

    def test_with_an_act_that_is_none_is_refused(self, peer: RawPeer) -> None:
        method = "/tongban.api.exchange.v1.CaseExchangeService/DeliverAct"
        assert told(asked(peer, peer.question(method, DeliverActRequest(), ""))) == codes.INVALID_FIELD

    def test_for_a_method_of_another_door_is_refused(self, peer: RawPeer) -> None:
        for method in ("cases.v1.CaseService/SubmitCase", "admin.v1.AdminService/AddWindow", "a.B/C"):
            question = peer.question(f"/tongban.api.{method}", REQUEST, PURPOSE)
            assert told(asked(peer, question)) in (codes.METHOD_UNKNOWN, codes.NO_AGREEMENT_ROW)


class TestBytesThatAreNoFrame:
    @pytest.mark.parametrize("frame", [b"\xff" * 10, b"\x0a\x05ab", bytes(10)])
    def test_end_their_link_only(self, federation: Federation, peer: RawPeer, frame: bytes) -> None:
        with linked(peer) as other, linked(peer) as link:
            link.send(frame)
            refusal = refusal_of(lambda: list(link.answers()), codes.MALFORMED)
            assert "LinkRequest" in refusal.message
            assert refusal_told(other.ask(peer.question(CREDIT, REQUEST, PURPOSE))[0]) is None

    def test_with_a_header_that_is_none_get_no_answer_and_leave_the_link(self, peer: RawPeer) -> None:
        bad = peer.question(CREDIT, REQUEST, PURPOSE)
        bad.header = b"\xff\xff"
        good = peer.question(CREDIT, REQUEST, PURPOSE, Header(id=uuid4().hex))
        with linked(peer) as link:
            link.send(LinkRequest(questions=[Question(message=bad, timeout_ms=5_000)]).SerializeToString())
            [answer] = link.ask(good)
        assert refusal_told(answer) is None

    def test_of_the_largest_body_are_a_question_like_any_other(self, peer: RawPeer) -> None:
        request = QueryCreditRequest(credit_code="x" * ((4 << 20) - 16))
        with linked(peer) as link:
            answers = link.ask(peer.question(CREDIT, REQUEST, PURPOSE), peer.question(CREDIT, request, PURPOSE))
        assert {told(refusal_told(one)) for one in answers} == {None, codes.INVALID_FIELD}

    def test_that_are_too_many_for_a_body_are_refused(self, peer: RawPeer) -> None:
        question = peer.question(CREDIT, REQUEST, PURPOSE)
        question.body = bytes((4 << 20) + 81)
        with linked(peer) as link:
            refusal = refusal_of(lambda: link.ask(question), codes.INVALID_FIELD)
        assert refusal.field == "questions[0].message.body"

    def test_that_are_too_many_for_a_frame_end_the_link(self, peer: RawPeer) -> None:
        with linked(peer) as link:
            link.send(bytes((6 << 20) + 1))
            with pytest.raises(AssertionError, match="RESOURCE_EXHAUSTED"):
                next(link.answers())


class TestDocuments:
    def test_are_given_to_members(self, peer: RawPeer) -> None:
        with linked(peer) as link:
            [answer] = link.ask(peer.question(f"{DOCUMENTS}ListDocuments", ListDocumentsRequest(), ""))
        assert "directory" in [one.name for one in ListDocumentsResponse.FromString(answer.body).documents]

    def test_are_asked_for_like_anything_else(self, peer: RawPeer) -> None:
        refusal = asked(peer, peer.question(f"{DOCUMENTS}FetchDocument", FetchDocumentRequest(), ""))
        assert refusal is not None
        assert (refusal.code, refusal.field) == (codes.INVALID_FIELD, "digest")

    def test_leave_a_record_only_when_they_are_refused(self, peer: RawPeer, federation: Federation) -> None:
        log = Log(federation, QIDONG)
        assert asked(peer, peer.question(f"{DOCUMENTS}ListDocuments", ListDocumentsRequest(), "")) is None
        assert log.codes(f"{DOCUMENTS}ListDocuments") == []


class TestWithoutASeal:
    @pytest.mark.parametrize("method", [CREDIT, f"{DOCUMENTS}ListDocuments", GET_STATUS])
    def test_nothing_is_served(self, peer: RawPeer, method: str) -> None:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = peer.channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=5.0)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def test_nothing_is_served_without_a_certificate(self, federation: Federation) -> None:
        place = federation.places[QIDONG]
        credentials = grpc.ssl_channel_credentials(place.certificate.read_bytes())
        options = [("grpc.ssl_target_name_override", f"node.{QIDONG}.tongban")]
        with grpc.secure_channel(place.peers, credentials, options) as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{DOCUMENTS}ListDocuments")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=5.0)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
