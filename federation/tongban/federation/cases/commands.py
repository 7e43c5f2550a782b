"""Commands that may be repeated: the first time records its answer under its id, a repeat gets that answer."""

from hashlib import sha256

from google.protobuf.message import Message

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Step, writes
from tongban.federation.store.interface import Store
from tongban.federation.store.units import Claim, Unit


def request_key(caller: Caller, request_id: str) -> str:
    """Return the key of a window's request id."""
    return f"request/{caller.window}/{request_id}"


def digest_of(call: Call, request: Message) -> bytes:
    """Return the digest that tells a repeated command from another one under the same id.

    Another method, another member named, or another officer who answers for it make another command.
    """
    parts = [call.method, call.context.to, call.context.officer]
    said = [part.encode() for part in parts] + [request.SerializeToString(deterministic=True)]
    return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in said)).digest()


async def recorded(store: Store, key: str, digest: bytes) -> bytes | None:
    """Return the recorded answer of a command that was carried out before, or None if it was not.

    Raises:
        Refusal: REQUEST_REUSED if the id was used for other content.
    """
    claim = await store.claim(key)
    if claim is None:
        return None
    if claim.digest != digest:
        facts = {"id": key.rpartition("/")[2], "recorded": claim.digest.hex()[:16], "sent": digest.hex()[:16]}
        raise Refusal(codes.REQUEST_REUSED, facts)
    return claim.outcome


def records(key: str, digest: bytes, answer: bytes) -> Step:
    """Return the step that records a command's answer under its id."""
    return writes(Unit(claims=(Claim(key, digest, answer),)))
