"""A directory's authority: a folder with its key, the members' cards, and the directory that it published last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from tongban.api.documents.v1.documents_pb2 import Directory, Document, Member, SignedDocument
from tongban.core.decoding import decoded
from tongban.core.directories import check_directory
from tongban.core.documents import new_document
from tongban.core.errors import Refusal
from tongban.core.identifiers import check_member_id
from tongban.core.signing import LocalSigner, generate_key, key_id_of, private_pem, public_pem
from tongban.federation.formation import keys
from tongban.federation.formation.errors import FormationError, read_file
from tongban.federation.formation.seals import add_seal, read_document, write_document

KEY, PUBLIC, NAME, MEMBERS, DIRECTORY = "authority.key", "authority.pem", "federation", "members", "directory.signed"


@dataclass(frozen=True, slots=True)
class Age:
    """How long a directory is good, in days from its publication."""

    valid_days: int = 30
    """After so many days it is worth nothing."""
    stale_days: int = 20
    """After so many days nodes ask for a newer one."""


def init_authority(folder: Path, federation: str) -> Path:
    """Make the folder of a directory's authority and return the file with its public key, for the nodes.

    Raises:
        FormationError: the folder is an authority's already, or the name is empty or too long.
    """
    if not 0 < len(federation) <= 100:
        raise FormationError("no federation is named so", ["its name must have 1 to 100 characters; choose another"])
    if (folder / KEY).exists():
        problem = f"{folder / KEY} is there already; choose another folder, for a key is never overwritten"
        raise FormationError(f"{folder} cannot become an authority's folder", [problem])
    key = generate_key()
    keys.write_private(folder / KEY, private_pem(key))
    (folder / MEMBERS).mkdir(mode=0o700)
    (folder / NAME).write_text(federation + "\n", encoding="utf-8")
    (folder / PUBLIC).write_bytes(public_pem(LocalSigner(key).public_key))
    return folder / PUBLIC


def add_member(folder: Path, card: Path) -> Member:
    """Take a member in by the card of its node; a card of a member that is in already replaces the older one.

    Raises:
        FormationError: the folder is no authority's, the card is none, or it has what is another member's.
    """
    _check_folder(folder)
    member = _member(card)
    kept = folder / MEMBERS / f"{member.id}.card"
    others = [_member(one) for one in _cards(folder) if one != kept]
    _check_together(f"{member.id} cannot be taken in", [*others, member])
    kept.write_bytes(member.SerializeToString(deterministic=True))
    return member


def remove_member(folder: Path, member: str) -> None:
    """Leave a member out of the next directory.

    Raises:
        FormationError: the folder is no authority's, or has no such member.
    """
    _check_folder(folder)
    card = folder / MEMBERS / f"{member}.card"
    if check_member_id(member) or not card.exists():
        present = ", ".join(one.id for one in members(folder)) or "nobody"
        raise FormationError(f"{member} cannot be left out", [f"it is no member; the members are {present}"])
    card.unlink()


def members(folder: Path) -> list[Member]:
    """Return the members that the next directory will list, by id.

    Raises:
        FormationError: the folder is no authority's, or a card in it is damaged.
    """
    _check_folder(folder)
    return [_member(card) for card in _cards(folder)]


def publish(folder: Path, age: Age, now: datetime) -> Path:
    """Sign a directory of the present members, one version above the last, and return its file.

    Raises:
        FormationError: the folder is no authority's, the days are wrong, or two members have one key or certificate.
    """
    if not 0 < age.stale_days <= age.valid_days:
        problem = "stale_days must be at least 1 and at most valid_days; correct one of them"
        raise FormationError("no directory was published", [problem])
    directory = Directory(members=members(folder), federation=_federation(folder))
    _check_together("no directory was published", directory.members)
    stale, valid = timedelta(days=age.stale_days), timedelta(days=age.valid_days)
    document = new_document(directory, _last_version(folder) + 1, now, stale, valid)
    unsigned = SignedDocument(document=document.SerializeToString(deterministic=True))
    write_document(folder / DIRECTORY, add_seal(_signer(folder), unsigned))
    return folder / DIRECTORY


def sign(folder: Path, file: Path) -> None:
    """Add this authority's seal to a directory that another authority published.

    Raises:
        FormationError: the folder is no authority's, or the file is no directory.
    """
    _check_folder(folder)
    signed = read_document(file, "directory")
    if not decoded(Document, signed.document).HasField("directory"):
        raise FormationError(f"{file} cannot be signed", ["it is another document; an authority signs directories"])
    write_document(file, add_seal(_signer(folder), signed))


def _check_folder(folder: Path) -> None:
    if not (folder / KEY).is_file():
        problem = f"{folder / KEY} is missing; name the folder, or make one with `tongban directory init`"
        raise FormationError(f"{folder} is no folder of a directory's authority", [problem])


def _signer(folder: Path) -> LocalSigner:
    try:
        return LocalSigner.load(folder / KEY)
    except ValueError as error:
        raise FormationError(f"{folder} cannot sign", [f"{error}; restore the file from a backup"]) from None


def _federation(folder: Path) -> str:
    return (folder / NAME).read_text(encoding="utf-8").strip()


def _last_version(folder: Path) -> int:
    if not (folder / DIRECTORY).exists():
        return 0
    signed = read_document(folder / DIRECTORY, "directory")
    return decoded(Document, signed.document).version


def _cards(folder: Path) -> list[Path]:
    return sorted((folder / MEMBERS).glob("*.card"))


def _check_together(subject: str, members: Sequence[Member]) -> None:
    if rule := check_directory(Directory(members=members)):
        raise FormationError(subject, [f"{rule}; compare the cards with what the members say"])


def _member(card: Path) -> Member:
    try:
        member = decoded(Member, read_file(card, "member's card"))
        _check_member(member)
    except (Refusal, ValueError, UnsupportedAlgorithm) as error:
        problem = f"{error}; have the member send its member.card again"
        raise FormationError(f"{card} is no member's card", [problem]) from None
    return member


def _check_member(member: Member) -> None:
    for key in member.keys:
        if key.key_id != key_id_of(key.public_key):
            raise ValueError(f"the key {key.key_id} is not what its id says")
        serialization.load_der_public_key(key.public_key)
    if rule := check_directory(Directory(members=[member])):
        raise ValueError(rule)
