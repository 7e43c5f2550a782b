"""Publishes this member's catalogue: its items and services, sealed, with a new version when something has changed."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from google.protobuf import descriptor_pool

from tongban.api.documents.v1.documents_pb2 import Catalogue, SignedDocument
from tongban.core import documents
from tongban.core.arity import published
from tongban.core.documents import Freshness
from tongban.core.errors import Refusal
from tongban.core.identifiers import division_of
from tongban.federation.plugins.loading import Loaded
from tongban.federation.resources import Resources
from tongban.federation.store.errors import StoreFailed

log = logging.getLogger(__name__)

PUBLISH = "publish"
"""Topic: the directory has changed, so the catalogue may have to be published, and peers asked for theirs."""

STALE, EXPIRES = timedelta(days=30), timedelta(days=60)
_IDENTITY, _CREDIT = "tongban.api.identity.v1.IdentityService", "tongban.api.credit.v1.CreditService"
_LOOK_SECONDS = 3600.0


class Publisher:
    """Keeps this member's catalogue as it should be."""

    def __init__(self, resources: Resources, plugins: Sequence[Loaded]) -> None:
        self._resources = resources
        self._all_loaded = all(plugin.brought is not None for plugin in plugins)

    async def run(self) -> None:
        """Publish when the directory changes, and in time before the catalogue gets stale, until cancelled."""
        changed = self._resources.wakes.listen(PUBLISH)
        while True:
            changed.clear()
            await self.attempt()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue

    async def attempt(self) -> None:
        """Publish the catalogue if that is possible now; say in the log why it is not."""
        try:
            await self.publish()
        except (Refusal, StoreFailed) as error:
            log.warning("the catalogue is not published: %s", error)

    async def publish(self) -> None:
        """Publish the catalogue if it is new, and if the directory lists this member's key.

        While an enabled plugin is not loaded the catalogue stays as it was: a broken start retracts nothing.

        Raises:
            Refusal: DOCUMENT_INVALID and the like.
        """
        keeper, now = self._resources.keeper, self._resources.clock()
        held = keeper.view.documents.get(f"catalogue/{self._resources.member}")
        catalogue = self._catalogue() if held is None or self._all_loaded else held.document.catalogue
        unchanged = held is not None and held.document.catalogue == catalogue
        key = self._resources.signer.public_key.key_id
        if (unchanged and held and held.freshness(now) is Freshness.FRESH) or not keeper.view.key(
            self._resources.member, key
        ):
            return
        version = held.document.version + 1 if held else max(1, int(now.timestamp()))
        document = documents.new_document(catalogue, version, now, STALE, EXPIRES).SerializeToString()
        seal = await self._resources.flush.seal(documents.document_leaf(document))
        await keeper.keep(SignedDocument(document=document, seals=[seal]), self._resources.flush.put)

    def _catalogue(self) -> Catalogue:
        registry, member = self._resources.registry, self._resources.member
        items = [registry.items[code].published(division_of(member)) for code in sorted(registry.items)]
        own = [name for name, source in ((_IDENTITY, registry.identity), (_CREDIT, registry.credit)) if source]
        services = [descriptor_pool.Default().FindServiceByName(name) for name in own]
        services += [registry.services[name].descriptor for name in sorted(registry.services)]
        return Catalogue(member=member, items=items, services=map(published, services))
