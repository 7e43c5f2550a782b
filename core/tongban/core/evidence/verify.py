"""Verification of an evidence log: every record's leaf, the roots and seals of checkpoints, the seals of messages."""

from collections.abc import Iterable, Sequence
from itertools import chain

from google.protobuf.message import DecodeError

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse
from tongban.api.documents.v1.documents_pb2 import Member
from tongban.api.evidence.v1.evidence_pb2 import Checkpoint, Evidence, EvidenceRecord, SignedCheckpoint
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage
from tongban.core import codes, sealing
from tongban.core.evidence.file import START
from tongban.core.evidence.problems import Findings, Problem
from tongban.core.evidence.streams import Streams
from tongban.core.hops import hop_leaf
from tongban.core.merkle import GrowingTree, leaf_hash
from tongban.core.sealing import KeyRing, Keys, Leaf, seal_is_right
from tongban.core.signing import key_id_of

_SEAL_WAS_REFUSED = frozenset(code.name for code in (codes.MESSAGE_ALTERED, codes.PEER_UNKNOWN))
"""A message that was refused for its seal stands in the log with that seal: it is what the log proves."""


def verify(parts: Iterable[ExportEvidenceResponse], keys: Keys | None = None) -> Findings:
    """Verify a log from its first record on.

    `keys` are those of a believed directory, or others that the caller trusts. Without them the member's keys in the
    first part serve, so that the log is shown to be whole, but not whose it is.
    """
    log = _Log(keys)
    rest = iter(parts)
    first = next(rest, ExportEvidenceResponse())
    log.take_member(first.member)
    for part in chain([first], rest):
        log.add(part)
    log.check_checkpoints()
    return log.findings


class _Log:
    def __init__(self, keys: Keys | None) -> None:
        self.findings = Findings(keys_from_file=keys is None)
        self._keys: Keys = keys or KeyRing({})
        self._leaves: list[bytes] = []
        self._checkpoints: list[SignedCheckpoint] = []
        self._in_order = True
        self._streams = Streams()

    def take_member(self, member: Member) -> None:
        if not member.id:
            self._problem(START, "the first part does not name the member whose log it is")
        self.findings.member = member.id
        right = {(member.id, key.key_id): key for key in member.keys if key.key_id == key_id_of(key.public_key)}
        if len(right) != len(member.keys):
            self._problem(START, f"a key of {member.id} is not what its id says")
        if self.findings.keys_from_file:
            self._keys = KeyRing(right)

    def add(self, part: ExportEvidenceResponse) -> None:
        for record in part.records:
            self._check_record(record)
        self._checkpoints += part.checkpoints
        self.findings.records = len(self._leaves)
        self.findings.checkpoints = len(self._checkpoints)

    def check_checkpoints(self) -> None:
        sealed = [self._sealed(number, signed) for number, signed in enumerate(self._checkpoints, 1)]
        roots = _roots(self._leaves, {checkpoint.size for checkpoint in sealed if checkpoint})
        for number, checkpoint in enumerate(sealed, 1):
            if checkpoint and not self._root_fits(number, checkpoint, roots):
                return  # what follows a changed record has another root too; it would only hide the place

    def _problem(self, place: str, what: str) -> None:
        self.findings.problems.append(Problem(place, what))

    def _check_record(self, record: EvidenceRecord) -> None:
        place = f"record {len(self._leaves)}"
        if record.position != len(self._leaves) and self._in_order:
            self._in_order = False
            self._problem(place, f"the record that stands here is number {record.position}: one is missing or moved")
        self._leaves.append(record.leaf)
        if leaf_hash(record.record) != record.leaf:
            return self._problem(place, "its bytes are not those that were written: its leaf hash does not fit")
        try:
            evidence = Evidence.FromString(record.record)
        except DecodeError:
            return self._problem(place, "it is no evidence record")
        if not self._streams.add(evidence):
            self._problem(place, "what it counts of its stream is not what the sealed end says")
        self.findings.open_streams = len(self._streams)
        return self._check_messages(place, evidence)

    def _check_messages(self, place: str, evidence: Evidence) -> None:
        if evidence.error_code in _SEAL_WAS_REFUSED:
            return
        if evidence.HasField("question") and not self._message_is_right(evidence.question):
            self._problem(place, "the seal of its question does not fit")
        if evidence.HasField("answer") and not self._message_is_right(evidence.answer):
            self._problem(place, "the seal of its answer does not fit")
        self._check_hops(place, evidence)
        self._check_content(place, evidence)

    def _check_hops(self, place: str, evidence: Evidence) -> None:
        members = [hop.member for hop in evidence.hops]
        for number, hop in enumerate(evidence.hops, 1):
            key = self._keys.key(hop.member, hop.seal.key_id)
            if key is None:
                self.findings.unchecked_seals += 1
            elif not seal_is_right(key, hop.seal, hop_leaf(evidence.question.header, members[:number])):
                self._problem(place, f"the seal of {hop.member}, which passed its question on, does not fit")

    def _check_content(self, place: str, evidence: Evidence) -> None:
        """Check that what this side says was said is what the sender of an encrypted message sealed."""
        sides = (
            ("question", evidence.question, evidence.question_salt, evidence.question_digest),
            ("answer", evidence.answer, evidence.answer_salt, evidence.answer_digest),
        )
        for name, message, salt, digest in sides:
            if salt and sealing.committed(salt, digest) != _content_digest(message):
                self._problem(place, f"its {name} was sealed with another content")

    def _message_is_right(self, message: SealedMessage) -> bool:
        try:
            sender = Header.FromString(message.header).sender
        except DecodeError:
            return False
        key = self._keys.key(sender, message.seal.key_id)
        if key is None:
            self.findings.unchecked_seals += 1
            return True
        return seal_is_right(key, message.seal, Leaf(sealing.MESSAGE, message.header))

    def _sealed(self, number: int, signed: SignedCheckpoint) -> Checkpoint | None:
        """Return a checkpoint that the log's member sealed."""
        key = self._keys.key(self.findings.member, signed.seal.key_id)
        leaf = Leaf(sealing.CHECKPOINT, signed.checkpoint)
        if key is None:
            self._problem(f"checkpoint {number}", f"it is sealed with a key that {self.findings.member} does not have")
        elif not seal_is_right(key, signed.seal, leaf):
            self._problem(f"checkpoint {number}", "its seal does not fit")
        elif (checkpoint := Checkpoint.FromString(signed.checkpoint)).member != self.findings.member:
            self._problem(f"checkpoint {number}", f"it is one of {checkpoint.member}'s log")
        else:
            return checkpoint
        return None

    def _root_fits(self, number: int, checkpoint: Checkpoint, roots: dict[int, bytes]) -> bool:
        place = f"checkpoint {number} over {checkpoint.size} records"
        if checkpoint.size not in roots:
            self._problem(place, f"the file holds {len(self._leaves)} records: the last ones were removed")
            return False
        if roots[checkpoint.size] != checkpoint.root:
            changed = f"records {self.findings.covered} to {checkpoint.size - 1}"
            self._problem(place, f"it was made over other records: among {changed} one was changed")
            return False
        self.findings.covered = max(self.findings.covered, checkpoint.size)
        return True


def _content_digest(message: SealedMessage) -> bytes:
    try:
        return Header.FromString(message.header).encryption.content_digest
    except DecodeError:
        return b""


def _roots(leaves: Sequence[bytes], sizes: set[int]) -> dict[int, bytes]:
    """Return the roots over so many leaves, for those sizes that there are."""
    tree = GrowingTree()
    roots = {0: tree.root()}
    for leaf in leaves:
        tree.append(leaf)
        if tree.size in sizes:
            roots[tree.size] = tree.root()
    return roots
