"""A member's next encryption key: put before the present ones, which open what comes until they are forgotten."""

from pathlib import Path

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.encryption import DecryptionKeys, generate_encryption_key
from tongban.core.signing import private_pem
from tongban.federation import settings
from tongban.federation.formation import keys
from tongban.federation.formation.card import read_card, write_card
from tongban.federation.formation.errors import FormationError

MOST = 10
"""So many keys a card lists."""


def add_encryption_key(home: Path) -> Member:
    """Make the member's next key, and return the node's card, which lists it before the present ones.

    A node reads its keys when it starts: it has to start again before anybody gets a directory with this card.

    Raises:
        FormationError: the folder is no node's, its key file is damaged, or there are ten keys already.
        SettingsError: the node's settings are wrong.
    """
    held = _held(home)
    if len(held.private_keys) >= MOST:
        raise FormationError("no other key can be listed", [f"there are {MOST}; forget the old ones first"])
    return _kept(home, DecryptionKeys([generate_encryption_key(), *held.private_keys]))


def forget_encryption_keys(home: Path) -> Member:
    """Keep the newest key alone, and return the node's card, which lists it alone.

    Raises:
        FormationError: the folder is no node's, or its key file is missing or damaged.
        SettingsError: the node's settings are wrong.
    """
    held = _held(home)
    if not held.private_keys:
        raise FormationError("there is no key to keep", ["make one with `tongban node new-encryption-key`"])
    return _kept(home, DecryptionKeys(held.private_keys[:1]))


def _held(home: Path) -> DecryptionKeys:
    """Return the keys that are there; none in the folder of a node that was made before there were any."""
    read_card(home)
    path = _file(home)
    try:
        return DecryptionKeys.load(path) if path.exists() else DecryptionKeys([])
    except ValueError as error:
        raise FormationError(f"{path} cannot be used", [f"{error}; restore it from a backup"]) from None


def _kept(home: Path, held: DecryptionKeys) -> Member:
    """Write keys and card; a key is on no card before it is in the file."""
    keys.replace_private(_file(home), b"".join(private_pem(key) for key in held.private_keys))
    card = read_card(home)
    del card.encryption_keys[:]
    card.encryption_keys.extend(held.public_keys)
    return write_card(home, card)


def _file(home: Path) -> Path:
    return home / settings.load(home).keys.encryption
