"""What the documents of a node say together: nobody says anything for another, and nothing after its time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.api.documents.v1.documents_pb2 import Agreement, Catalogue, Directory, SignedDocument
from tongban.core.documents import Believed, name_of, new_document
from tongban.federation.trust.view import TrustView, view_of

CHONGMING, QIDONG, HANGZHOU = "310151", "320681", "330100.gjj"
NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def believed(content: Directory | Catalogue | Agreement, valid: timedelta = 60 * DAY) -> Believed:
    """Return a document as a node holds it once its seals were checked."""
    document = new_document(content, 1, NOW, valid / 2, valid)
    return Believed(name_of(document), "0" * 64, document, SignedDocument())


def _view(member: str, places: Sequence[str]) -> TrustView:
    return view_of([believed(Catalogue(member=member, items=[Item(code="X", places=places)]))], NOW)


@pytest.mark.parametrize(
    ("member", "places", "honoured"),
    [
        (HANGZHOU, ["330100"], ["330100"]),
        (HANGZHOU, ["330106", "320681", "330000", "330110"], ["330106", "330110"]),
        (QIDONG, ["320681", "000000"], ["320681"]),
        ("320000", ["320681", "320000", "330100"], ["320681", "320000"]),
    ],
)
def test_a_member_is_competent_for_its_own_division_only(
    member: str, places: Sequence[str], honoured: Sequence[str]
) -> None:
    assert _view(member, places).items[member, "X"].places == honoured


@pytest.mark.parametrize("place", ["320681", "000000", "330000"])
def test_an_item_of_another_division_is_nobodys(place: str) -> None:
    assert _view(HANGZHOU, [place]).items == {}
