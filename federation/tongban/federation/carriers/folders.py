"""Peers that are reached by files: one folder for what goes, one for what comes, and whoever moves files between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.core.times import Clock
from tongban.federation.carriers.folder_files import FileReader, FileWriter
from tongban.federation.carriers.folder_incoming import Incoming
from tongban.federation.carriers.folder_outgoing import Outgoing
from tongban.federation.carriers.settings import FolderCarrier
from tongban.federation.exchange.answering import Ask
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import Terms
from tongban.federation.exchange.endpoints import EndpointState

_LATE = 0.9
"""Part of the time that an answer is waited for: the waiting begins before the file stands."""

_MESSAGES, _PARTS = 4096, 64
"""What may be under way with one trip: as many messages as a folder's answering side takes, and 64 MiB of materials."""


class Folders:
    """Carries questions and answers to peers as files."""

    def __init__(self, peers: Mapping[str, FolderCarrier], home: Path, asking: Asking, clock: Clock) -> None:
        self._chosen = peers
        self._outgoing = {peer: Outgoing(FileWriter(home / one.outgoing, clock)) for peer, one in peers.items()}
        self._incoming = {
            peer: Incoming(peer, FileReader(home / one.incoming), self._outgoing[peer], asking)
            for peer, one in peers.items()
        }

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        chosen = self._chosen[peer]
        return Terms(
            at_once=False,
            valid=timedelta(days=chosen.valid_days),
            patience=chosen.answer_seconds,
            messages=_MESSAGES,
            parts=_PARTS,
        )

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; raise PeerUnavailable if they cannot be written."""
        await asyncio.gather(*(self._outgoing[peer].put(question) for question in questions))

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Take back what nobody has taken in the time that an answer is waited for; all else is under way.

        What a node that stops has written stays.
        """
        self._outgoing[peer].late(attempts, self._chosen[peer].answer_seconds * _LATE)

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return "folder"

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        """Return nothing: nothing is dialled that could be left alone for a while."""
        return ()

    def problem(self, peer: str) -> str | None:
        """Return None if the folders of a peer can be used, else why not."""
        outgoing = self._outgoing[peer]
        return outgoing.problem or self._incoming[peer].problem or outgoing.untaken

    @asynccontextmanager
    async def taking(self, ask: Ask, seen: Callable[[str], None]) -> AsyncIterator[None]:
        """Take what comes, as long as this lasts."""
        tasks = [
            asyncio.create_task(incoming.run(ask, seen, self._chosen[peer].look_seconds), name=f"files of {peer}")
            for peer, incoming in self._incoming.items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Finish what is being written."""
        await asyncio.gather(*(outgoing.close() for outgoing in self._outgoing.values()))
