"""A federation that is laid out once, and copied for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .laid_out import CHONGMING, QIDONG, LaidOut, lay_out
from .relays import PROVINCES, SETTINGS, Provinces
from .town import Town


@pytest.fixture(scope="session")
def laid_out_once(tmp_path_factory: pytest.TempPathFactory) -> LaidOut:
    return lay_out(tmp_path_factory.mktemp("laid-out") / "f")


@pytest.fixture
def laid_out(laid_out_once: LaidOut, tmp_path: Path) -> LaidOut:
    """The federation in a folder of the test's own."""
    return laid_out_once.copy(tmp_path / "f")


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    """The two members of a matter, running; the third is there to be started."""
    async with Town(laid_out) as town:
        yield await town.start(CHONGMING, QIDONG)


@pytest.fixture(scope="session")
def provinces_once(tmp_path_factory: pytest.TempPathFactory) -> LaidOut:
    return lay_out(tmp_path_factory.mktemp("provinces") / "f", *PROVINCES.items())


@pytest.fixture
def provinces(provinces_once: LaidOut, tmp_path: Path) -> Provinces:
    return Provinces(provinces_once.copy(tmp_path / "f"), dict(SETTINGS))
