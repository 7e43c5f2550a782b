"""What operators ask of the node, by the admin door."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import asdict, replace

from tongban.api.admin.v1 import admin_pb2 as pb
from tongban.api.documents.v1.documents_pb2 import Document, Member, SignedDocument
from tongban.api.evidence.v1.evidence_pb2 import EvidenceRecord, SignedCheckpoint
from tongban.core import codes, documents
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.times import from_micros, micros, timestamp
from tongban.federation.authenticate import Authenticator, roles_of, roles_text, token_digest
from tongban.federation.calls import Call, Caller, Outcome, writes
from tongban.federation.checkpoints import Checkpoints
from tongban.federation.plugins.loading import Loaded
from tongban.federation.resources import OUTBOX, Resources
from tongban.federation.services.status import Status
from tongban.federation.store.rows import WindowRow
from tongban.federation.store.units import Claim, Insert, Put, Unit
from tongban.federation.trust.publishing import PUBLISH

_RECORDS = 200


class Operating:
    """Answers operators."""

    def __init__(
        self,
        resources: Resources,
        authenticator: Authenticator,
        plugins: Sequence[Loaded],
        checkpoints: Checkpoints,
        status: Status,
    ) -> None:
        self._resources = resources
        self._authenticator = authenticator
        self._plugins = plugins
        self._checkpoints = checkpoints
        self._status = status

    async def get_status(self, caller: Caller, call: Call) -> Outcome:
        """Say how the node is."""
        decoded(pb.GetStatusRequest, call.body)
        return Outcome((await self._status.tell()).SerializeToString())

    async def add_window(self, caller: Caller, call: Call) -> Outcome:
        """Register a window."""
        request = decoded(pb.AddWindowRequest, call.body)
        claim = Claim(f"window/{request.window_id}")
        if await self._resources.store.claim(claim.key):
            raise Refusal(codes.WINDOW_EXISTS, {"window": request.window_id})
        token, now = secrets.token_urlsafe(32), micros(self._resources.clock())
        roles = roles_text(list(request.roles))
        row = WindowRow(request.window_id, request.name, roles, token_digest(token), now, None)
        step = writes(Unit((claim,), (Insert("windows", asdict(row)),)))
        answer = pb.AddWindowResponse(token=token).SerializeToString()
        return Outcome(answer, step=step, after=lambda: self._authenticator.add(row))

    async def revoke_window(self, caller: Caller, call: Call) -> Outcome:
        """Take a window's token back; one that was taken back already stays so, with its first time."""
        request = decoded(pb.RevokeWindowRequest, call.body)
        row = next((one for one in await self._resources.store.windows() if one.window_id == request.window_id), None)
        if row is None:
            raise Refusal(codes.WINDOW_NOT_FOUND, {"window": request.window_id}, field="window_id")
        revoked = micros(self._resources.clock()) if row.revoked is None else row.revoked
        step = writes(Unit(operations=(Put("windows", asdict(replace(row, revoked=revoked))),)))
        answer = pb.RevokeWindowResponse(revoked_at=timestamp(from_micros(revoked))).SerializeToString()
        return Outcome(answer, step=step, after=lambda: self._authenticator.remove(row))

    async def list_windows(self, caller: Caller, call: Call) -> Outcome:
        """List the windows."""
        decoded(pb.ListWindowsRequest, call.body)
        rows = sorted(await self._resources.store.windows(), key=lambda row: row.window_id)
        windows = [_window(row) for row in rows if row.revoked is None]
        return Outcome(pb.ListWindowsResponse(windows=windows).SerializeToString())

    async def import_document(self, caller: Caller, call: Call) -> Outcome:
        """Take in a directory or agreement."""
        signed = decoded(pb.ImportDocumentRequest, call.body).document
        wake = self._resources.waker(PUBLISH, OUTBOX)
        believed = await self._resources.keeper.keep(signed, self._resources.flush.put, wake)
        return Outcome(pb.ImportDocumentResponse(head=believed.head()).SerializeToString())

    async def sign_agreement(self, caller: Caller, call: Call) -> Outcome:
        """Seal an agreement to which this member is a party."""
        signed = decoded(pb.SignAgreementRequest, call.body).document
        document = decoded(Document, signed.document)
        if self._resources.member not in document.agreement.parties:
            raise Refusal(codes.NOT_A_PARTY, member=self._resources.member)
        own = self._resources.signer.public_key.key_id
        if any(seal.key_id == own for seal in signed.seals):
            return Outcome(pb.SignAgreementResponse(document=signed).SerializeToString())
        seal = await self._resources.flush.seal(documents.document_leaf(signed.document))
        sealed = SignedDocument(document=signed.document, seals=[*signed.seals, seal])
        return Outcome(pb.SignAgreementResponse(document=sealed).SerializeToString())

    async def list_plugins(self, caller: Caller, call: Call) -> Outcome:
        """List the plugins."""
        decoded(pb.ListPluginsRequest, call.body)
        plugins = [_plugin(one) for one in self._plugins]
        return Outcome(pb.ListPluginsResponse(plugins=plugins).SerializeToString())

    async def export_evidence(self, caller: Caller, call: Call) -> Outcome:
        """Open a stream of the evidence log, as it is now, with a checkpoint over all of it."""
        start = decoded(pb.ExportEvidenceRequest, call.body).start
        return Outcome(stream=self._evidence(start, await self._checkpoints.write()))

    async def _evidence(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        yield pb.ExportEvidenceResponse(member=self._member()).SerializeToString()
        for first in range(start, end, _RECORDS):
            last = min(end, first + _RECORDS)
            records = await self._resources.store.evidence(first, last)
            leaves = await self._resources.store.leaves(first, last)
            parts = [
                EvidenceRecord(position=first + place, record=record, leaf=leaf)
                for place, (record, leaf) in enumerate(zip(records, leaves, strict=True))
            ]
            yield pb.ExportEvidenceResponse(records=parts).SerializeToString()
        async for part in self._signed_checkpoints(end):
            yield part

    async def _signed_checkpoints(self, end: int) -> AsyncIterator[bytes]:
        first = 0
        while found := await self._resources.store.checkpoints(first):
            signed = [SignedCheckpoint.FromString(one.checkpoint) for one in found if one.size <= end]
            yield pb.ExportEvidenceResponse(checkpoints=signed).SerializeToString()
            first = found[-1].size + 1

    def _member(self) -> Member:
        settings, signer = self._resources.settings, self._resources.signer
        listed = self._resources.keeper.view.members.get(settings.member)
        return listed or Member(id=settings.member, name=settings.name, keys=[signer.public_key])


def _window(row: WindowRow) -> pb.Window:
    created = timestamp(from_micros(row.created))
    return pb.Window(window_id=row.window_id, name=row.name, roles=roles_of(row.roles), created_at=created)


def _plugin(one: Loaded) -> pb.Plugin:
    brought = one.brought
    sources = [name for name in ("identity", "credit") if brought and getattr(brought, name)]
    return pb.Plugin(
        name=one.name,
        distribution=one.distribution,
        loaded=brought is not None,
        items=[item.code for item in brought.items] if brought else [],
        sources=sources,
        services=[service.name for service in brought.services] if brought else [],
        problem=one.problem,
    )
