"""The federation of the contract suite: laid out now, since TLS goes by the machine's clock."""

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tongban.core.times import wall_clock

from ..in_memory.laid_out import CHONGMING, QIDONG, LaidOut, lay_out
from ..in_memory.town import Town
from .real import CARRIERS, town_of

_SOCKETS = "ignore:unclosed (transport|.socket):ResourceWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a socket be whose TLS handshake was under way when its POST was cancelled: the HTTP library leaves it so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_SOCKETS))


@pytest.fixture(autouse=True)
def _sockets_collected() -> Iterator[None]:
    """Have such a socket collected here, and not in whatever test comes next."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def laid_out_now(tmp_path_factory: pytest.TempPathFactory) -> LaidOut:
    return lay_out(tmp_path_factory.mktemp("laid-out-now") / "f", now=wall_clock())


@pytest.fixture
def laid_out(laid_out_now: LaidOut, tmp_path: Path) -> LaidOut:
    """The federation in a folder of the test's own."""
    return laid_out_now.copy(tmp_path / "f")


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    """Each carrier in turn."""
    name: str = request.param
    return name


@pytest.fixture
async def town(carrier: str, laid_out: LaidOut) -> AsyncIterator[Town]:
    """The two members of a matter, running, on each carrier in turn."""
    async with town_of(laid_out, carrier, wall_clock) as town:
        yield await town.start(CHONGMING, QIDONG)
