"""What a member publishes while one of its plugins is broken."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tongban.api.admin.v1.admin_pb2 import GetStatusRequest, GetStatusResponse
from tongban.api.documents.v1.documents_pb2 import Catalogue
from tongban.core.documents import Freshness
from tongban.core.registry import Brought
from tongban.federation.plugins import loading
from tongban.federation.trust.publishing import Publisher

from .calls import ADMIN
from .laid_out import QIDONG, LaidOut, brought
from .town import Town
from .waiting import until


def enable(home: Path, *plugins: str) -> None:
    """Enable plugins in a node's settings."""
    settings = home / "node.toml"
    told = ", ".join(f'"{plugin}"' for plugin in plugins)
    before, _, after = settings.read_text(encoding="utf-8").partition("enabled = [")
    settings.write_text(f"{before}enabled = [{told}]{after.partition(']')[2]}", encoding="utf-8")


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    """启东 alone, whose plugins have brought their items before, and bring nothing now."""

    def brings(member: str) -> list[Brought]:
        return []

    async with Town(laid_out, brings) as town:
        yield town


def catalogue(town: Town) -> tuple[int, Catalogue]:
    held = town.nodes[QIDONG].resources.keeper.view.documents[f"catalogue/{QIDONG}"].document
    return held.version, held.catalogue


async def problems(town: Town) -> list[str]:
    status = await town.admin(QIDONG).call(f"{ADMIN}/GetStatus", GetStatusRequest(), GetStatusResponse)
    return list(status.problems)


async def _started(town: Town, *plugins: str) -> None:
    enable(town.laid_out.folder / QIDONG, *plugins)
    await town.start(QIDONG)


async def test_a_plugin_that_is_not_loaded_retracts_nothing(town: Town) -> None:
    await _started(town, "gone")
    station = town.nodes[QIDONG]
    codes = {item.code for item in catalogue(town)[1].items}
    await Publisher(station.resources, loading.load(station.resources.settings, station.resources.home)[1]).publish()
    assert {item.code for item in catalogue(town)[1].items} == codes == {item.code for item in brought(QIDONG)[0].items}
    told = [problem for problem in await problems(town) if problem.startswith("plugin gone is not loaded: ")]
    assert [problem.endswith("; its items stay published") for problem in told] == [True]


async def test_what_stays_published_is_renewed_before_it_expires(town: Town) -> None:
    town.clocks[QIDONG].turn(timedelta(days=31))
    await _started(town, "gone")
    resources = town.nodes[QIDONG].resources
    held = resources.keeper.view.documents[f"catalogue/{QIDONG}"]
    assert held.freshness(resources.clock()) is Freshness.FRESH
    assert len(catalogue(town)[1].items) == 3


async def test_a_plugin_that_is_no_longer_enabled_takes_its_items_along(town: Town) -> None:
    await _started(town)
    await until(lambda: not catalogue(town)[1].items)
    assert not [problem for problem in await problems(town) if problem.startswith("plugin")]
