"""What goes to one peer by files: what waits together is written as one."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question, SealedMessage
from tongban.federation.carriers.folder_files import FileWriter, Kind
from tongban.federation.exchange import frames
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.places import attempt

_GATHER_SECONDS = 0.02


@dataclass(slots=True, eq=False)
class _Waiting:
    message: Question | SealedMessage
    written: "asyncio.Future[None]"


class Outgoing:
    """Writes questions and answers into the folder of one peer."""

    def __init__(self, files: FileWriter) -> None:
        self.problem: str | None = None
        """Why nothing can be written, if that is so."""
        self.untaken: str | None = None
        """What to look at if files lay until they were taken back, and no answer has come since."""
        self._files = files
        self._waiting: dict[Kind, list[_Waiting]] = {kind: [] for kind in Kind}
        self._writing: asyncio.Task[None] | None = None
        self._lying = _Lying()
        self._removing: list[asyncio.Task[None]] = []

    async def put(self, message: Question | SealedMessage) -> None:
        """Wait until a message stands in a durable file; raise PeerUnavailable if it cannot."""
        kind = Kind.QUESTIONS if isinstance(message, Question) else Kind.ANSWERS
        one = _Waiting(message, asyncio.get_running_loop().create_future())
        self._waiting[kind].append(one)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name=f"writing into {self._files.folder}")
        await one.written

    def answered(self, ids: list[str]) -> None:
        """Take notice that questions were answered: their files are the peer's."""
        self.untaken = None
        for id_ in ids:
            self._lying.leave(id_)

    def late(self, ids: Sequence[str], seconds: float) -> None:
        """Take back files that have lain for so long and hold nothing but late questions: they are asked again."""
        emptied = [self._lying.leave(id_) for id_ in ids if self._lying.seconds(id_) >= seconds]
        names = [name for name in emptied if name]
        if names:
            self._removing.append(asyncio.create_task(asyncio.to_thread(self._remove, names)))
            self._removing = [task for task in self._removing if not task.done()]

    async def close(self) -> None:
        """Finish what is being written."""
        tasks = [*self._removing, *([self._writing] if self._writing else [])]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remove(self, names: list[str]) -> None:
        lay_there = [self._files.remove(name) for name in names]
        if any(lay_there):
            self.untaken = f"nobody takes what is written into {self._files.folder}: is it where the peer reads?"

    async def _write_all(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        while any(self._waiting.values()):
            for kind, waiting in self._waiting.items():
                if waiting:
                    await self._write(kind, frames.taken(waiting, lambda one: one.message.ByteSize()))

    async def _write(self, kind: Kind, batch: list[_Waiting]) -> None:
        messages = [one.message for one in batch]
        try:
            name = await asyncio.to_thread(self._files.write, kind, _content(messages))
        except OSError as error:
            self.problem = f"{self._files.folder} cannot be written ({error.strerror or error})"
            _settle(batch, PeerUnavailable())
            return
        self.problem = None
        self._lying.put(name, [attempt(one) for one in messages if isinstance(one, Question)])
        _settle(batch, None)


class _Lying:
    """Which questions without an answer lie in which file, and since when."""

    def __init__(self) -> None:
        self._file_of: dict[str, str] = {}
        self._ids: dict[str, set[str]] = {}
        self._since: dict[str, float] = {}

    def put(self, name: str, ids: list[str]) -> None:
        """Add a file."""
        if ids:
            self._file_of |= dict.fromkeys(ids, name)
            self._ids[name], self._since[name] = set(ids), time.monotonic()

    def seconds(self, id_: str) -> float:
        """Return for how long the file of a question has lain."""
        return time.monotonic() - self._since[self._file_of[id_]] if id_ in self._file_of else 0.0

    def leave(self, id_: str) -> str | None:
        """Forget a question; return its file if it was the last in it."""
        name = self._file_of.pop(id_, None)
        if name is None:
            return None
        self._ids[name].discard(id_)
        if self._ids[name]:
            return None
        del self._ids[name], self._since[name]
        return name


def _content(messages: list[Question | SealedMessage]) -> bytes:
    questions = [one for one in messages if isinstance(one, Question)]
    if questions:
        return LinkRequest(questions=questions).SerializeToString()
    return LinkResponse(answers=[one for one in messages if isinstance(one, SealedMessage)]).SerializeToString()


def _settle(batch: list[_Waiting], problem: Exception | None) -> None:
    for one in batch:
        if one.written.done():
            continue  # Whoever waited has left.
        if problem is None:
            one.written.set_result(None)
        else:
            one.written.set_exception(problem)
