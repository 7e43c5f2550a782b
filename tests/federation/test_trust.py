"""What the documents of a node say together: nobody says anything for another, and nothing after its time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tongban.api.catalogue.v1.catalogue_pb2 import MODE_ONLINE, Item
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.documents.v1.documents_pb2 import (
    Agreement,
    CaseRow,
    Catalogue,
    Directory,
    LookupRow,
    SignedDocument,
)
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


METHOD = "/tongban.api.credit.v1.CreditService/QueryCredit"
CONTEXT = CallContext(purpose="信用代证")
SHORT = timedelta(hours=2)
"""An agreement that expires at half past eleven UTC, half past seven in the evening in China."""


def _agreement(until: str = "", valid: timedelta = SHORT) -> TrustView:
    lookup = LookupRow(
        id="1", asking=CHONGMING, answering=QIDONG, method=METHOD, purposes=[CONTEXT.purpose], until=until
    )
    case = CaseRow(id="2", intake=CHONGMING, handling=QIDONG, items=["X"], mode=MODE_ONLINE, until=until)
    agreement = Agreement(name="a", parties=[CHONGMING, QIDONG], lookups=[lookup], cases=[case])
    return view_of([believed(agreement, valid)], NOW)


def _in_force(view: TrustView, now: datetime) -> list[bool]:
    lookup = view.lookup_row(CHONGMING, QIDONG, METHOD, CONTEXT, now)
    return [lookup is not None, view.case_row(CHONGMING, QIDONG, "X", now) is not None]


def test_an_agreement_allows_nothing_from_the_moment_on_when_it_expires() -> None:
    view = _agreement()
    assert _in_force(view, NOW + SHORT - timedelta(microseconds=1)) == [True, True]
    assert _in_force(view, NOW + SHORT) == [False, False]


def test_a_row_ends_with_its_last_day_in_china() -> None:
    view = _agreement("2026-10-01", 60 * DAY)
    assert _in_force(view, datetime(2026, 10, 1, 15, 59, 59, tzinfo=UTC)) == [True, True]
    assert _in_force(view, datetime(2026, 10, 1, 16, tzinfo=UTC)) == [False, False]


def test_a_row_does_not_outlast_its_agreement() -> None:
    assert _in_force(_agreement("2026-10-31"), NOW + SHORT) == [False, False]
