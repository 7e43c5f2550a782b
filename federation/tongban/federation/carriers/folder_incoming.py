"""What comes from one peer by files: questions are answered, answers given to who waits for them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from google.protobuf.message import DecodeError

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question
from tongban.core.errors import Refusal
from tongban.federation.carriers.folder_files import FileReader, Found, Kind, Looked
from tongban.federation.carriers.folder_outgoing import Outgoing
from tongban.federation.exchange.answering import Ask, answer
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.places import answered_attempt

log = logging.getLogger(__name__)

_MOST_FILES = 16
"""Files with questions of a peer that are under way at the same time."""

_AGAIN_SECONDS = 30.0
"""When a file is taken again whose questions could not all be answered, as while the disk is full."""

_NO_BATCH = "hold no batch; take them away"


class Incoming:
    """Takes the files of one peer, in order."""

    def __init__(self, peer: str, files: FileReader, outgoing: Outgoing, asking: Asking) -> None:
        self.problem: str | None = None
        """What is wrong with the folder, if anything is."""
        self._peer = peer
        self._files = files
        self._outgoing = outgoing
        self._asking = asking
        self._taken: dict[str, asyncio.Task[None]] = {}
        self._left_alone: dict[str, str] = {}
        """Files that stay where they are and are not taken again, and what is wrong with them."""
        self._told: set[str] = set()
        self._run = ""
        """What the peer's node called itself when it was last believed."""

    async def run(self, ask: Ask, seen: Callable[[str], None], look_seconds: float) -> None:
        """Take files until cancelled; what is under way then is taken again after the next start."""
        try:
            while True:
                try:
                    await self._look(ask, seen)
                except Exception:
                    log.exception("folder %s", self._files.folder)
                await asyncio.sleep(look_seconds)
        finally:
            tasks = list(self._taken.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, ask: Ask, seen: Callable[[str], None]) -> None:
        await self._remove_again()
        known = {*self._taken, *self._left_alone}
        try:
            looked = await asyncio.to_thread(self._files.look, known, _MOST_FILES - len(self._taken))
        except OSError as error:
            self.problem = f"{self._files.folder} cannot be read ({error.strerror or error})"
            return
        self._tell(looked)
        for found in looked.files:
            self._taken[found.name] = asyncio.create_task(self._take(found, ask, seen))

    def _tell(self, looked: Looked) -> None:
        """Log once what does not belong here, or is not whole, and have it in the status while it is."""
        for name in looked.foreign:
            log.warning("folder %s: %r is no file of a node and stays where it is", self._files.folder, name)
        for name in set(looked.broken) - self._told:
            log.warning("folder %s: %s is not whole", self._files.folder, name)
        self._told = set(looked.broken)
        self._left_alone = {name: why for name, why in self._left_alone.items() if name in looked.known}
        wrong = Counter(self._left_alone.values())
        if looked.broken:
            wrong["are not whole or cannot be read; have them copied again"] = len(looked.broken)
        told = (f"{count} files in {self._files.folder} {what}" for what, count in wrong.items())
        self.problem = "; ".join(told) or None

    async def _take(self, found: Found, ask: Ask, seen: Callable[[str], None]) -> None:
        try:
            if await self._taken_in(found, ask, seen):
                await self._remove(found.name)
            else:
                await asyncio.sleep(_AGAIN_SECONDS)
        except DecodeError:
            log.warning("folder %s: %s holds no batch and stays where it is", self._files.folder, found.name)
            self._left_alone[found.name] = _NO_BATCH
        except Exception:
            log.exception("folder %s: %s", self._files.folder, found.name)
            await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            del self._taken[found.name]

    async def _remove(self, name: str) -> None:
        """Remove a file with which nothing is left to be done, or keep in mind that it could not be removed."""
        try:
            await asyncio.to_thread(self._files.remove, name)
            self._left_alone.pop(name, None)
        except OSError as error:
            if name not in self._left_alone:
                log.warning("folder %s: %s cannot be removed", self._files.folder, name)
            self._left_alone[name] = f"are done with but cannot be removed ({error.strerror or error})"

    async def _remove_again(self) -> None:
        for name in [name for name, why in self._left_alone.items() if why != _NO_BATCH]:
            await self._remove(name)

    async def _taken_in(self, found: Found, ask: Ask, seen: Callable[[str], None]) -> bool:
        """Return whether nothing more can come of a file."""
        if found.kind is Kind.ANSWERS:
            answers = LinkResponse.FromString(found.content).answers
            self._outgoing.answered([answered_attempt(one) for one in answers])
            self._asking.answered(self._peer, answers)
            return True

        def there() -> None:
            if self._run != found.run:
                self._run = found.run
                seen(self._peer)

        questions = LinkRequest.FromString(found.content).questions
        return all(await asyncio.gather(*(self._answered(question, ask, there) for question in questions)))

    async def _answered(self, question: Question, ask: Ask, there: Callable[[], None]) -> bool:
        """Answer a question; return whether its answer is written, or there is nobody to answer."""
        try:
            sealed = await answer(ask, question, self._peer)
        except Refusal:
            return True
        if sealed is None:
            return False
        if not Header.FromString(sealed.header).status:
            there()
        try:
            await self._outgoing.put(sealed)
        except PeerUnavailable:
            return False
        return True
