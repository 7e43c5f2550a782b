"""From bytes that somebody sent to a message that keeps the contract's field rules."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.rules import validate

M = TypeVar("M", bound=Message)


def decoded(message_type: type[M], data: bytes) -> M:
    """Return the message that these bytes are.

    Raises:
        Refusal: MALFORMED if they are none, INVALID_FIELD if a field breaks a rule of the contract.
    """
    try:
        message = message_type.FromString(data)
    except (DecodeError, ValueError):
        raise Refusal(codes.MALFORMED, {"type": message_type.DESCRIPTOR.name}) from None
    validate(message)
    return message
