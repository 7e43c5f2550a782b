"""Bytes that nobody sends, to whatever takes bytes from outside: each gets an answer or a refusal, and nothing else.

python -m tests.rigs.fuzz --seconds 600
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from tongban.api.cases.v1.cases_pb2 import SubmitCaseRequest
from tongban.api.common.v1.common_pb2 import CallContext, Organisation, Party, Person, Seal
from tongban.api.documents.v1.documents_pb2 import Document
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, Question, SealedMessage
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal, refusal_of, status_of
from tongban.core.times import timestamp
from tongban.federation.calls import Call, Reply
from tongban.federation.exchange import messages
from tongban.federation.exchange.answering import AnsweredLink

NOW = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
"""When the examples were made, so that the same seed always tries the same."""

_TRICKS = (b"\xff" * 11, b"\x00", b"\xc3\x28", b"\xa3\x06" * 200, b"\x0a\xff\xff\xff\xff\x0f", b"\x80" * 11)
_CREDIT, _MOST_TOLD = 1000, 20


@dataclass(slots=True)
class Found:
    """What came of it."""

    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each target ended how."""
    failures: list[str] = field(default_factory=list)
    """Target, bytes and error of each input that was neither answered nor refused."""

    def __str__(self) -> str:
        lines = [f"{self.tried} inputs", *(f"{count:>9} {what}" for what, count in sorted(self.outcomes.items()))]
        return "\n".join([*lines, *self.failures])


def run(seed: int, seconds: float) -> Found:
    """Try for so long; the same seed tries the same inputs in the same order."""
    return asyncio.run(_run(random.Random(seed), seconds))


async def _run(chance: random.Random, seconds: float) -> Found:
    found, until = Found(), time.monotonic() + seconds
    targets = [(name, example, target) for name, target, examples in _targets() for example in examples]
    while time.monotonic() < until:
        name, example, target = chance.choice(targets)
        data = _altered(chance, example)
        found.tried += 1
        try:
            found.outcomes[f"{name}: {await target(data)}"] += 1
        except Refusal as refusal:
            found.outcomes[f"{name}: {refusal.code.name}"] += 1
        except Exception as error:
            found.outcomes[f"{name}: {type(error).__name__}"] += 1
            found.failures[_MOST_TOLD:] = ()
            found.failures.append(f"{name}: {type(error).__name__} for {data.hex()}")
    return found


def _altered(chance: random.Random, example: bytes) -> bytes:
    """Return bytes that are an example no more: flipped, cut, doubled, or with something put in."""
    data = bytearray(example)
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(data))
        match chance.randrange(5):
            case 0 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                del data[place : place + chance.randint(1, 20)]
            case 2:
                data[place:place] = chance.choice(_TRICKS)
            case 3:
                data[place:place] = data[: chance.randint(0, 40)]
            case _:
                data[place:place] = chance.randbytes(chance.randint(1, 20))
    return bytes(data)


Target = Callable[[bytes], Coroutine[None, None, str]]


def _targets() -> Sequence[tuple[str, Target, Sequence[bytes]]]:
    return [
        ("submission", _decodes(SubmitCaseRequest), [_submission().SerializeToString()]),
        ("context", _decodes(CallContext), [CallContext(to="320681", officer="zhang.w").SerializeToString()]),
        ("document", _decodes(Document), [Document(version=1, issued_at=timestamp(NOW)).SerializeToString()]),
        ("header", _header, [_question().message.header]),
        ("frame", _frame, [_frame_of().SerializeToString()]),
        ("status", _status, [status_of(Refusal(codes.NO_AGREEMENT_ROW, retry_seconds=1.5)).SerializeToString()]),
    ]


def _decodes(message_type: type[Message]) -> Target:
    async def target(data: bytes) -> str:
        decoded(message_type, data)
        return "taken"

    return target


async def _header(data: bytes) -> str:
    header = messages.header_of(SealedMessage(header=data))
    messages.check_time(header, NOW)
    return "taken"


async def _frame(data: bytes) -> str:
    """Give a frame to a link that answers nothing; what it began must have ended with it."""
    link = AnsweredLink(_silent, _written, _CREDIT)
    try:
        await link.take(data, "310151")
        return "taken"
    finally:
        link.stop()
        await asyncio.sleep(0)


async def _status(data: bytes) -> str:
    try:
        return f"told {refusal_of(Status.FromString(data)).code.status}"
    except DecodeError:  # What no node makes is the peer's fault; who asked it says so.
        return "no status"


async def _silent(call: Call) -> Reply:
    return Reply()


async def _written(data: bytes) -> None:
    return None


def _submission() -> SubmitCaseRequest:
    return SubmitCaseRequest(
        request_id="hall-1.7",
        item_code="00013112700402",
        deciding_place="320681",
        applicant=Party(organisation=Organisation(name="启东虚构渔网有限公司", credit_code="91320681MA00000072")),
        agent=Person(name="沈复", resident_id="310151176312260010"),
        form={"new_address": "启东市虚构路 21 号"},
    )


def _question() -> Question:
    now = timestamp(NOW)
    header = Header(
        id="a" * 32,
        sender="310151",
        receiver="320681",
        method="/tongban.api.credit.v1.CreditService/QueryCredit",
        context=CallContext(purpose="办件核验"),
        sent_at=now,
        expires_at=now,
        body_digest=bytes(32),
    )
    seal = Seal(key_id="k" * 32, signature=bytes(70), tree_size=2, path=[bytes(32)])
    return Question(message=SealedMessage(header=header.SerializeToString(), seal=seal, body=b"body"), timeout_ms=1000)


def _frame_of() -> LinkRequest:
    return LinkRequest(questions=[_question(), _question()], cancelled=["b" * 32])


def main() -> int:
    """Run the command line; 0 if every input was answered or refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to try")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="which inputs")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    found = run(chosen.seed, chosen.seconds)
    print(found)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
