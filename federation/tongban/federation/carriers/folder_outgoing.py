"""What goes to one peer by files: what waits together is written as one."""

import asyncio
from dataclasses import dataclass

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.federation.carriers.folder_files import FileWriter, Kind
from tongban.federation.exchange import frames
from tongban.federation.exchange.asking import PeerUnavailable

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
        self._files = files
        self._waiting: dict[Kind, list[_Waiting]] = {kind: [] for kind in Kind}
        self._writing: asyncio.Task[None] | None = None
        self._lying = _Lying()

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
        for id_ in ids:
            self._lying.leave(id_)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

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
        for old in self._lying.put(name, [_id_of(one) for one in messages if isinstance(one, Question)]):
            await asyncio.to_thread(self._files.remove, old)
        _settle(batch, None)


class _Lying:
    """Which questions lie in which file, so that one whose questions were all written again makes room."""

    def __init__(self) -> None:
        self._file_of: dict[str, str] = {}
        self._ids: dict[str, set[str]] = {}

    def put(self, name: str, ids: list[str]) -> list[str]:
        """Add a file; return those in which nothing is left that was not written again."""
        emptied = [old for id_ in ids if (old := self.leave(id_))]
        self._file_of |= dict.fromkeys(ids, name)
        if ids:
            self._ids[name] = set(ids)
        return emptied

    def leave(self, id_: str) -> str | None:
        """Forget a question; return its file if it was the last in it."""
        name = self._file_of.pop(id_, None)
        if name is None:
            return None
        self._ids[name].discard(id_)
        if self._ids[name]:
            return None
        del self._ids[name]
        return name


def _content(messages: list[Question | SealedMessage]) -> bytes:
    questions = [one for one in messages if isinstance(one, Question)]
    if questions:
        return LinkRequest(questions=questions).SerializeToString()
    return LinkResponse(answers=[one for one in messages if isinstance(one, SealedMessage)]).SerializeToString()


def _id_of(question: Question) -> str:
    return Header.FromString(question.message.header).id


def _settle(batch: list[_Waiting], problem: Exception | None) -> None:
    for one in batch:
        if one.written.done():
            continue  # Whoever waited has left.
        if problem is None:
            one.written.set_result(None)
        else:
            one.written.set_exception(problem)
