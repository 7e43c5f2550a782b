"""Answering peers: each question that a carrier brings takes the one way through the node."""

from collections.abc import Awaitable, Callable

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Question as Carried
from tongban.api.exchange.v1.exchange_pb2 import SealedMessage
from tongban.federation.calls import Call, Door, Question, Reply
from tongban.federation.exchange import messages

Ask = Callable[[Call], Awaitable[Reply]]


async def answer(ask: Ask, carried: Carried, certified: str | None) -> SealedMessage | None:
    """Return the sealed answer to a question; none if the store could not keep the evidence of it.

    Raises:
        Refusal: MALFORMED or INVALID_FIELD if its header is none: there is nobody to answer.
    """
    header = messages.header_of(carried.message)
    call = Call(
        door=Door.PEERS,
        method=header.method,
        body=carried.message.body,
        context=header.context if header.HasField("context") else CallContext(),
        seconds=carried.timeout_ms / 1000,
        question=Question(carried.message, header),
        certified=certified,
    )
    return (await ask(call)).sealed
