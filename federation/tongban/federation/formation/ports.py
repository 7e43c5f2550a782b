"""Ports for nodes that only this machine reaches."""

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
_PORTS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections (ip_local_port_range), so that none of these takes the port of a
node that is about to start, or to start again."""


def free_address(held: ExitStack) -> str:
    """Return an address at which nobody listens; its port is held until `held` closes, so that no two get the same.

    Raises:
        OSError: no port is free.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with ExitStack() as trying:
            listener = trying.enter_context(socket.socket())
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
            held.push(trying.pop_all())
            return f"{LOOPBACK}:{port}"
    raise OSError(f"no port of {LOOPBACK} between {_PORTS.start} and {_PORTS.stop - 1} is free")
