"""Runs a node: puts its parts together, opens its doors, and stops with nothing half done."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tongban.core import signing
from tongban.core.calendar import CalendarFileError, ChinaCalendar
from tongban.core.documents import Authorities
from tongban.core.merkle import leaf_hash
from tongban.core.registry import PluginConflict
from tongban.core.signing import LocalSigner
from tongban.core.times import wall_clock
from tongban.federation import logs, settings
from tongban.federation.carriers.certificates import Identity
from tongban.federation.carriers.grpc_links import GrpcLinks
from tongban.federation.carriers.loopback import Loopback
from tongban.federation.exchange.asking import Asking
from tongban.federation.flush import Flush
from tongban.federation.house import House
from tongban.federation.plugins import loading
from tongban.federation.plugins.running import Runner
from tongban.federation.refreshing import PEER_SEEN
from tongban.federation.resources import OUTBOX, Resources
from tongban.federation.settings import Settings, SettingsError
from tongban.federation.store.errors import StoreFailed, StoreOwned
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.transport.server import DoorClosed, Doors
from tongban.federation.trust.keeper import Keeper

log = logging.getLogger(__name__)

STOPPED, SETTINGS_WRONG, TAKEN = 0, 3, 7
DATABASE = "node.db"


def run(home: Path) -> int:
    """Run the node of a folder until it is told to stop (SIGTERM, SIGINT); return the exit code."""
    try:
        chosen = settings.load(home)
        logs.set_up(chosen.member)
        asyncio.run(_serve(home.absolute(), chosen))
        gc.collect()  # gRPC waits at exit for whatever still refers to its objects.
    except (SettingsError, PluginConflict, CalendarFileError, ValueError) as error:
        return _say(error, SETTINGS_WRONG)
    except (StoreOwned, DoorClosed) as error:
        return _say(error, TAKEN)
    except StoreFailed as error:
        return _say(error, SETTINGS_WRONG)
    return STOPPED


async def _serve(home: Path, chosen: Settings) -> None:
    async with opened(home, chosen) as (resources, plugins):
        links = GrpcLinks(_identity(home, chosen), resources.keeper, resources.asking, resources.clock)
        house = House(resources, plugins, links, links)
        resources.asking.carrier = Loopback(resources.member, resources.asking, house.node.ask, links)
        doors = Doors(resources, _identity(home, chosen), house.node.ask, _seen(resources))
        await house.load()
        await doors.open()
        tasks = [asyncio.create_task(part) for part in house.parts()]
        print(f"node of {chosen.member} {chosen.name} is ready: windows at {chosen.windows.listen}", flush=True)
        try:
            await _until_stopped()
        finally:
            await doors.close()
            await _end(tasks)
            await house.last_words()
            await links.close()


@asynccontextmanager
async def opened(home: Path, chosen: Settings) -> AsyncIterator[tuple[Resources, Sequence[loading.Loaded]]]:
    """Open what a node is made of; close its store in the end."""
    registry, plugins = loading.load(chosen, home)
    signer = LocalSigner.load(home / chosen.keys.organisation)
    calendar = ChinaCalendar(home / chosen.calendar.overrides if chosen.calendar.overrides else None)
    store = SqliteStore.open(home / DATABASE, (home / chosen.keys.data).read_bytes(), leaf_hash=leaf_hash)
    try:
        keeper = Keeper(_authorities(home, chosen), wall_clock)
        flush = Flush(signer, store)
        valid = timedelta(seconds=chosen.limits.message_seconds)
        asking = Asking(chosen.member, flush, keeper, wall_clock, valid)
        runner = Runner(chosen.member, chosen.limits.handler_seconds)
        yield (
            Resources(home, chosen, wall_clock, signer, store, flush, keeper, asking, registry, runner, calendar),
            plugins,
        )
    finally:
        await store.close()


def _identity(home: Path, chosen: Settings) -> Identity:
    return Identity.load(home / chosen.keys.node, home / chosen.keys.certificate)


def _authorities(home: Path, chosen: Settings) -> Authorities:
    keys = tuple(signing.read_public_pem((home / name).read_bytes()) for name in chosen.trust.authorities)
    return Authorities(keys, chosen.trust.threshold)


def _seen(resources: Resources) -> Callable[[str], None]:
    def seen(member: str) -> None:
        resources.waker(PEER_SEEN, f"{OUTBOX}/{member}")()

    return seen


async def _until_stopped() -> None:
    """Wait for the signal to stop."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await stopping.wait()


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _say(error: Exception, code: int) -> int:
    print(error, file=sys.stderr)
    return code
