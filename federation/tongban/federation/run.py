"""Runs a node: puts its parts together, opens its doors, and stops with nothing half done."""

import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path

from tongban.core.calendar import CalendarFileError
from tongban.core.registry import PluginConflict
from tongban.federation import logs, settings
from tongban.federation.carriers.by_peer import ByPeer
from tongban.federation.carriers.identity import OwnIdentity
from tongban.federation.house import House
from tongban.federation.opening import opened
from tongban.federation.settings import Settings, SettingsError
from tongban.federation.store.errors import StoreFailed, StoreOwned
from tongban.federation.transport.closed import DoorClosed
from tongban.federation.transport.server import Doors

log = logging.getLogger(__name__)

STOPPED, SETTINGS_WRONG, TAKEN = 0, 3, 7


def run(home: Path) -> int:
    """Run the node of a folder until it is told to stop (SIGTERM, SIGINT); return the exit code."""
    code = _run(home)
    gc.collect()  # gRPC waits at exit for whatever still refers to its objects.
    return code


def _run(home: Path) -> int:
    try:
        chosen = settings.load(home)
        logs.set_up(chosen.member)
        asyncio.run(_serve(home.absolute(), chosen))
    except (SettingsError, PluginConflict, CalendarFileError, ValueError) as error:
        return _say(error, SETTINGS_WRONG)
    except (StoreOwned, DoorClosed) as error:
        return _say(error, TAKEN)
    except StoreFailed as error:
        return _say(error, SETTINGS_WRONG)
    return STOPPED


async def _serve(home: Path, chosen: Settings) -> None:
    own = OwnIdentity(home / chosen.keys.node, home / chosen.keys.certificate)
    async with opened(home, chosen) as (resources, plugins):
        network = ByPeer(resources, own)
        house = House(resources, plugins, network)

        def seen(member: str) -> None:
            network.seen(member)
            house.seen(member)

        doors = Doors(resources, own, house.node.ask, house.arities, seen)
        await house.load()
        async with network.running():
            await doors.open()
            async with house.running(), network.taking(house.node.ask, seen):
                print(f"node of {chosen.member} {chosen.name} is ready: windows at {chosen.windows.listen}", flush=True)
                try:
                    await _until_stopped()
                finally:
                    await doors.close()


async def _until_stopped() -> None:
    """Wait for the signal to stop."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await stopping.wait()


def _say(error: Exception, code: int) -> int:
    print(error, file=sys.stderr)
    return code
