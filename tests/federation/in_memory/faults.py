"""What can happen to frames on their way."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, SealedMessage
from tongban.federation.carriers.memory import Frame, Way, straight


def with_header(message: SealedMessage, **changes: object) -> None:
    """Change a message's header, as somebody would who cannot seal it."""
    header = Header.FromString(message.header)
    header.MergeFrom(Header(**changes))  # type: ignore[arg-type]
    message.header = header.SerializeToString()


def is_of_documents(message: SealedMessage) -> bool:
    """Say whether a message is of the documents that nodes fetch from each other all the time."""
    return "DocumentService" in Header.FromString(message.header).method


def is_of_documents_only(frame: Frame) -> bool:
    """Say whether a frame has nothing but questions about documents, or answers to them."""
    if frame.back:
        return all(map(is_of_documents, LinkResponse.FromString(frame.data).answers))
    questions = LinkRequest.FromString(frame.data).questions
    return bool(questions) and all(is_of_documents(one.message) for one in questions)


def flipped(data: bytes, place: int = -1) -> bytes:
    """Return the bytes with one bit flipped."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def altering_questions(change: Callable[[SealedMessage], None]) -> Way:
    """Let every question arrive changed, but for those about documents."""

    def way(frame: Frame) -> Iterable[tuple[float, Frame]]:
        if frame.back:
            return straight(frame)
        request = LinkRequest.FromString(frame.data)
        for question in request.questions:
            if not is_of_documents(question.message):
                change(question.message)
        return [(0.0, replace(frame, data=request.SerializeToString()))]

    return way


def altering_answers(change: Callable[[SealedMessage], None]) -> Way:
    """Let every answer arrive changed, but for those about documents."""

    def way(frame: Frame) -> Iterable[tuple[float, Frame]]:
        if not frame.back:
            return straight(frame)
        response = LinkResponse.FromString(frame.data)
        for answer in response.answers:
            if not is_of_documents(answer):
                change(answer)
        return [(0.0, replace(frame, data=response.SerializeToString()))]

    return way


def dropping(lost: Callable[[Frame], bool]) -> Way:
    """Lose some frames."""
    return lambda frame: [] if lost(frame) else straight(frame)


class Weather:
    """Loses, repeats and delays frames by chance, so that they also overtake each other."""

    def __init__(self, chance: Random, loss: float, repeats: float, delay: float) -> None:
        self._chance = chance
        self._loss = loss
        self._repeats = repeats
        self._delay = delay

    def __call__(self, frame: Frame) -> Iterable[tuple[float, Frame]]:
        if self._chance.random() < self._loss:
            return []
        copies = 2 if self._chance.random() < self._repeats else 1
        return [(self._chance.uniform(0, self._delay), frame) for _ in range(copies)]


class Wiretap:
    """Lets every frame pass and keeps it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def __call__(self, frame: Frame) -> Iterable[tuple[float, Frame]]:
        self.frames.append(frame)
        return straight(frame)

    def questions(self) -> list[Frame]:
        """Return the frames with questions, but for those about documents."""
        return [one for one in self.frames if not one.back and _asks(LinkRequest.FromString(one.data))]


def _asks(request: LinkRequest) -> bool:
    return any(not is_of_documents(question.message) for question in request.questions)
