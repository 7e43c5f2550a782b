"""What passed on one way of a stream: how many messages, and a digest over all of them."""

from hashlib import sha256

from tongban.api.exchange.v1 import exchange_pb2 as pb


class Tally:
    """Counts messages."""

    def __init__(self) -> None:
        self.messages = 0
        self._digest = sha256()

    def add(self, message: bytes) -> None:
        """Count a message."""
        self.messages += 1
        self._digest.update(len(message).to_bytes(8, "big"))
        self._digest.update(message)

    def told(self) -> pb.Tally:
        """Return the count so far."""
        return pb.Tally(messages=self.messages, digest=self._digest.digest())
