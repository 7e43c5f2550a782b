"""The card of a node that is there: what its directory's authority is given anew when something on it changes."""

from pathlib import Path

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.federation.formation import keys
from tongban.federation.formation.errors import read_file
from tongban.federation.formation.node import CARD


def read_card(home: Path) -> Member:
    """Return the card in a node's folder. Raises a FormationError if there is none."""
    return Member.FromString(read_file(home / CARD, "node's card"))


def write_card(home: Path, card: Member) -> Member:
    """Put a card in the place of the present one, and return it."""
    keys.replace_private(home / CARD, card.SerializeToString(deterministic=True))
    return card
