"""Opens what a node is made of: keys, plugins, calendar, store, and the parts that stand on them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tongban.core import signing
from tongban.core.calendar import ChinaCalendar
from tongban.core.documents import Authorities
from tongban.core.encryption import DecryptionKeys
from tongban.core.merkle import leaf_hash
from tongban.core.signing import LocalSigner
from tongban.core.times import Clock, micros, wall_clock
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.routes import routes_of
from tongban.federation.flush import Flush
from tongban.federation.load.admission import Admission
from tongban.federation.load.outbox import Outbox
from tongban.federation.load.quotas import Quotas
from tongban.federation.plugins import loading
from tongban.federation.plugins.running import Runner
from tongban.federation.resources import Resources
from tongban.federation.settings import Settings
from tongban.federation.store.errors import StoreFailed, StoreOwned
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.trust.keeper import Keeper

DATABASE = "node.db"


@asynccontextmanager
async def opened(
    home: Path, chosen: Settings, clock: Clock = wall_clock
) -> AsyncIterator[tuple[Resources, Sequence[loading.Loaded]]]:
    """Open what the node of a folder is made of; close its store in the end.

    Raises:
        PluginConflict, CalendarFileError, StoreOwned, StoreFailed: what they say.
        ValueError: a key's file holds none.
    """
    registry, plugins = loading.load(chosen, home)
    signer = LocalSigner.load(home / chosen.keys.organisation)
    decryption = DecryptionKeys.load(home / chosen.keys.encryption)
    calendar = ChinaCalendar(home / chosen.calendar.overrides if chosen.calendar.overrides else None)
    store = _store(home, chosen, clock)
    try:
        keeper = Keeper(_authorities(home, chosen), clock)
        outbox = Outbox(chosen.limits)
        flush = Flush(signer, store, outbox.stands)
        valid, routes = timedelta(seconds=chosen.limits.message_seconds), routes_of(chosen.carriers)
        asking = Asking(chosen.member, flush, keeper, clock, valid, decryption, routes)
        runner = Runner(chosen.member, chosen.limits.handler_seconds)
        quotas, admission = Quotas(chosen.member, chosen.limits), Admission(chosen.limits)
        yield (
            Resources(
                home,
                chosen,
                clock,
                signer,
                decryption,
                store,
                flush,
                keeper,
                asking,
                registry,
                runner,
                calendar,
                quotas,
                admission,
                outbox,
            ),
            plugins,
        )
    finally:
        await store.close()


def _store(home: Path, chosen: Settings, clock: Clock) -> SqliteStore:
    path = home / chosen.keys.data
    try:
        return SqliteStore.open(home / DATABASE, path.read_bytes(), leaf_hash=leaf_hash, now=lambda: micros(clock()))
    except StoreOwned:
        raise
    except StoreFailed as error:
        raise StoreFailed(f"{error} (the key is {path})") from None


def _authorities(home: Path, chosen: Settings) -> Authorities:
    keys = tuple(signing.read_public_pem((home / name).read_bytes()) for name in chosen.trust.authorities)
    return Authorities(keys, chosen.trust.threshold)
