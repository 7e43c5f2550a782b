"""An evidence log as a file: what was written verifies, and nothing that was changed does."""

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse
from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_ED25519, KEY_ALGORITHM_P256, Member, Node
from tongban.api.evidence.v1.evidence_pb2 import (
    SIDE_ANSWERED,
    SIDE_ASKED,
    SIDE_LOCAL,
    STAGE_ENDED,
    STAGE_OPENED,
    STAGE_UNFINISHED,
    Checkpoint,
    Evidence,
    EvidenceRecord,
    SignedCheckpoint,
)
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage, StreamEnd, Tally
from tongban.core import sealing
from tongban.core.evidence import EvidenceUnreadable, Findings, Problem, read, verify, verify_file, write
from tongban.core.merkle import leaf_hash, root_of
from tongban.core.sealing import KeyRing, Leaf, seal_all
from tongban.core.signing import LocalSigner, generate_key
from tongban.core.times import timestamp

OURS, PEER = "310151", "320681"
NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
SIGNER = LocalSigner(generate_key(KEY_ALGORITHM_P256))
PEER_SIGNER = LocalSigner(generate_key(KEY_ALGORITHM_ED25519))
DIRECTORY_KEYS = KeyRing(
    {(OURS, SIGNER.public_key.key_id): SIGNER.public_key, (PEER, PEER_SIGNER.public_key.key_id): PEER_SIGNER.public_key}
)
MEMBER = Member(
    id=OURS,
    name="上海市崇明区",
    keys=[SIGNER.public_key],
    nodes=[Node(endpoint="127.0.0.1:7443", certificate=b"certificate")],
)


def message(text: str, *, altered: bool = False) -> SealedMessage:
    """Return a message of the peer, sealed together with another one."""
    header = Header(id=text, sender=PEER, receiver=OURS, method="/a.B/C", body_digest=sha256(text.encode()).digest())
    data = header.SerializeToString(deterministic=True)
    leaves = [Leaf(sealing.MESSAGE, b"another"), Leaf(sealing.MESSAGE, data)]
    seal = asyncio.run(seal_all(PEER_SIGNER, leaves))[1]
    return SealedMessage(header=data + b"\0" if altered else data, seal=seal)


def record(position: int, *, error_code: str = "", altered: bool = False) -> EvidenceRecord:
    """Return a record of the log; every second one is of a peer's question."""
    evidence = Evidence(time=timestamp(NOW), side=SIDE_LOCAL, id=f"m{position}", error_code=error_code)
    if position % 2:
        evidence.side = SIDE_ANSWERED
        evidence.question.CopyFrom(message(f"m{position}", altered=altered))
    data = evidence.SerializeToString(deterministic=True)
    return EvidenceRecord(position=position, record=data, leaf=leaf_hash(data))


def checkpoint(records: Sequence[EvidenceRecord], signer: LocalSigner = SIGNER, member: str = OURS) -> SignedCheckpoint:
    """Return the member's checkpoint over these records."""
    root = root_of([record.leaf for record in records])
    content = Checkpoint(member=member, size=len(records), root=root, time=timestamp(NOW))
    data = content.SerializeToString(deterministic=True)
    seal = asyncio.run(seal_all(signer, [Leaf(sealing.CHECKPOINT, data)]))[0]
    return SignedCheckpoint(checkpoint=data, seal=seal)


RECORDS = [record(position) for position in range(5)]
PARTS = [
    ExportEvidenceResponse(records=RECORDS[:3], checkpoints=[checkpoint(RECORDS[:2])], member=MEMBER),
    ExportEvidenceResponse(records=RECORDS[3:], checkpoints=[checkpoint(RECORDS[:3]), checkpoint(RECORDS)]),
]


def file_of(parts: Sequence[ExportEvidenceResponse]) -> bytes:
    """Return the log's file."""
    file = io.BytesIO()
    write(file, parts)
    return file.getvalue()


def places(findings: Findings) -> list[str]:
    """Return where problems are."""
    return [problem.place for problem in findings.problems]


def one_part(records: Sequence[EvidenceRecord], *checkpoints: SignedCheckpoint) -> list[ExportEvidenceResponse]:
    """Return a log in one part."""
    return [ExportEvidenceResponse(records=records, checkpoints=checkpoints, member=MEMBER)]


def test_a_log_verifies_with_the_keys_of_a_directory() -> None:
    findings = verify_file(io.BytesIO(file_of(PARTS)), DIRECTORY_KEYS)
    assert findings == Findings(member=OURS, records=5, covered=5, checkpoints=3)
    assert findings.notes() == []


def test_without_a_directory_it_says_whose_keys_it_used_and_what_it_could_not_check() -> None:
    findings = verify(PARTS)
    assert findings.problems == []
    assert findings.unchecked_seals == 2
    assert [note.split(";")[0] for note in findings.notes()] == [
        "the keys come from the file itself",
        "2 seals of messages were not checked, for want of their members' keys",
    ]


def test_records_after_the_last_checkpoint_are_a_note_and_no_problem() -> None:
    findings = verify(one_part(RECORDS, checkpoint(RECORDS[:3])), DIRECTORY_KEYS)
    assert findings.problems == []
    assert findings.notes() == ["records 3 to 4 are under no checkpoint of this file yet"]


@pytest.mark.parametrize("keys", [None, DIRECTORY_KEYS])
def test_every_altered_byte_is_found(keys: KeyRing | None) -> None:
    whole = file_of(PARTS)
    for place in range(len(whole)):
        for mask in (0x01, 0x80, 0xFF):
            altered = bytearray(whole)
            altered[place] ^= mask
            assert verify_file(io.BytesIO(altered), keys).problems, f"byte {place} with {mask:#x}"


def test_the_altered_record_is_named() -> None:
    whole = file_of(PARTS)
    for position, one in enumerate(RECORDS):
        at = whole.index(one.record)
        for place in range(at, at + len(one.record)):
            altered = bytearray(whole)
            altered[place] ^= 0x01
            assert places(verify_file(io.BytesIO(altered), DIRECTORY_KEYS)) == [f"record {position}"]


def test_the_altered_checkpoint_is_named() -> None:
    whole = file_of(PARTS)
    signature = PARTS[1].checkpoints[0].seal.signature
    altered = whole.replace(signature, bytes([signature[0] ^ 1]) + signature[1:])
    assert verify_file(io.BytesIO(altered)).problems == [Problem("checkpoint 2", "its seal does not fit")]


def test_a_record_that_was_replaced_with_its_leaf_is_found_by_the_checkpoint_over_it() -> None:
    forged = [*RECORDS[:3], record(3, error_code="NO_AGREEMENT_ROW"), *RECORDS[4:]]
    findings = verify(one_part(forged, checkpoint(RECORDS[:2]), checkpoint(RECORDS)), DIRECTORY_KEYS)
    assert places(findings) == ["checkpoint 2 over 5 records"]
    assert "among records 2 to 4 one was changed" in findings.problems[0].what


def test_a_file_that_was_cut_off_says_so() -> None:
    whole = file_of(PARTS)
    for size in range(len(whole)):
        assert verify_file(io.BytesIO(whole[:size])).problems, f"cut at {size}"


def test_bytes_after_the_end_are_found() -> None:
    assert places(verify_file(io.BytesIO(file_of(PARTS) + b"\0"))) == ["end of the file"]


def test_removed_records_are_found() -> None:
    without_one = one_part([*RECORDS[:2], *RECORDS[3:]], checkpoint(RECORDS))
    assert places(verify(without_one)) == ["record 2", "checkpoint 1 over 5 records"]
    without_the_last = one_part(RECORDS[:4], checkpoint(RECORDS))
    assert places(verify(without_the_last)) == ["checkpoint 1 over 5 records"]


def test_a_checkpoint_of_somebody_else_is_refused() -> None:
    stranger = LocalSigner(generate_key())
    findings = verify(one_part(RECORDS, checkpoint(RECORDS, stranger)), DIRECTORY_KEYS)
    assert findings.problems == [Problem("checkpoint 1", "it is sealed with a key that 310151 does not have")]
    findings = verify(one_part(RECORDS, checkpoint(RECORDS, SIGNER, PEER)), DIRECTORY_KEYS)
    assert findings.problems == [Problem("checkpoint 1", "it is one of 320681's log")]


def test_a_whole_log_with_keys_of_its_own_is_found_by_the_directory() -> None:
    stranger = LocalSigner(generate_key())
    log = one_part(RECORDS, checkpoint(RECORDS, stranger))
    log[0].member.keys[0].CopyFrom(stranger.public_key)
    assert verify(log).problems == []
    assert places(verify(log, DIRECTORY_KEYS)) == ["checkpoint 1"]


def test_the_seal_of_a_message_inside_a_record_is_checked() -> None:
    altered = [RECORDS[0], record(1, altered=True)]
    findings = verify(one_part(altered, checkpoint(altered)), DIRECTORY_KEYS)
    assert findings.problems == [Problem("record 1", "the seal of its question does not fit")]


def test_a_message_that_was_refused_for_its_seal_stands_in_the_log_with_it() -> None:
    altered = [RECORDS[0], record(1, altered=True, error_code="MESSAGE_ALTERED")]
    assert verify(one_part(altered, checkpoint(altered)), DIRECTORY_KEYS).problems == []


def test_a_log_without_records_is_a_log() -> None:
    assert verify_file(io.BytesIO(file_of(one_part([])))).problems == []


def test_a_file_that_is_no_log_is_refused() -> None:
    assert verify_file(io.BytesIO(b"")).problems
    assert verify_file(io.BytesIO("这不是存证日志\n".encode() * 100)).problems
    with pytest.raises(EvidenceUnreadable, match="longer than"):
        list(read(io.BytesIO(b"\xff" * 100)))


def test_the_first_part_names_the_member() -> None:
    assert places(verify([ExportEvidenceResponse(records=RECORDS)])) == ["start of the file"]


def ended(answers: int, sealed: int, *, body: bytes = b"") -> EvidenceRecord:
    """Return the record of a stream's end that counts so many answers, and holds a sealed end that says so many."""
    none = Tally(digest=sha256().digest())
    end = StreamEnd(requests=none, answers=Tally(messages=sealed, digest=none.digest)).SerializeToString()
    header = Header(id="s", sender=PEER, receiver=OURS, method="/a.B/C", body_digest=sha256(end).digest())
    data = header.SerializeToString()
    seal = asyncio.run(seal_all(PEER_SIGNER, [Leaf(sealing.MESSAGE, data)]))[0]
    evidence = Evidence(side=SIDE_ASKED, id="s", stage=STAGE_ENDED, answers=Tally(messages=answers, digest=none.digest))
    evidence.answer.CopyFrom(SealedMessage(header=data, seal=seal, body=body or end))
    return in_log(evidence, 1)


def in_log(evidence: Evidence, position: int) -> EvidenceRecord:
    data = evidence.SerializeToString()
    return EvidenceRecord(position=position, record=data, leaf=leaf_hash(data))


OPENED = in_log(Evidence(side=SIDE_ASKED, id="s", stage=STAGE_OPENED), 0)


def of_stream(*records: EvidenceRecord) -> Findings:
    part = ExportEvidenceResponse(records=records, checkpoints=[checkpoint(records)], member=MEMBER)
    return verify([part], DIRECTORY_KEYS)


def test_a_stream_that_came_to_its_sealed_end_verifies() -> None:
    findings = of_stream(OPENED, ended(3, 3))
    assert (findings.problems, findings.notes()) == ([], [])


@pytest.mark.parametrize("end", [ended(3, 2), ended(3, 3, body=b"\xff"), ended(3, 3, body=b"\x0a\x00")])
def test_an_end_that_says_something_else_is_found(end: EvidenceRecord) -> None:
    assert [problem.place for problem in of_stream(OPENED, end).problems] == ["record 1"]


def test_a_stream_without_end_is_noted() -> None:
    findings = of_stream(OPENED)
    assert (findings.problems, findings.open_streams) == ([], 1)
    assert findings.notes() == ["1 streams were opened and have no end in this file"]


def test_a_stream_that_broke_off_has_its_end() -> None:
    broken = in_log(Evidence(side=SIDE_ASKED, id="s", stage=STAGE_UNFINISHED, error_code="CALLER_LEFT"), 1)
    assert of_stream(OPENED, broken).open_streams == 0
