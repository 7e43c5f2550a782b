"""The proxy for faults: each of them happens to a TCP connection as it says, and none happens unasked."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tongban.core.testing.proxy import FaultProxy, Faults


@pytest.fixture
def echo() -> Iterator[str]:
    """Return the address of a server that sends back what comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=[listener], daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_send_back, args=[connection], daemon=True).start()


def _send_back(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(65_536):
                connection.sendall(data)
        except ConnectionError:
            return


@pytest.fixture
def proxy(echo: str) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as proxy:
        yield proxy


def connected(proxy: FaultProxy) -> socket.socket:
    host, _, port = proxy.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10.0)


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """Send bytes, and return as many as come back."""
    sending = threading.Thread(target=connection.sendall, args=[data])
    sending.start()
    received = bytearray()
    while len(received) < len(data) and (more := connection.recv(65_536)):
        received += more
    sending.join()
    return bytes(received)


def drain(connection: socket.socket) -> None:
    while connection.recv(65_536):
        continue


def test_without_faults_bytes_arrive_as_they_are(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 4_000
    with connected(proxy) as connection:
        assert echoed(connection, data) == data
        assert (proxy.accepted, proxy.open) == (1, 1)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_latency_delays_and_rate_slows(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        proxy.faults = Faults(latency=0.2)
        begun = time.monotonic()
        assert echoed(connection, b"a") == b"a"
        assert 0.4 <= time.monotonic() - begun < 2.0
        proxy.faults = Faults(rate=10_000)
        begun = time.monotonic()
        assert len(echoed(connection, bytes(5_000))) == 5_000
        assert 0.4 <= time.monotonic() - begun < 5.0


def test_latency_does_not_lower_the_rate(proxy: FaultProxy) -> None:
    proxy.faults = Faults(latency=0.1)
    with connected(proxy) as connection:
        begun = time.monotonic()
        assert len(echoed(connection, bytes(500_000))) == 500_000
        assert time.monotonic() - begun < 2.5


def test_a_connection_is_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.faults = Faults(cut_after=1_500)
    with connected(proxy) as connection:
        assert echoed(connection, bytes(500)) == bytes(500)
        connection.sendall(bytes(10_000))
        with pytest.raises(ConnectionResetError):
            drain(connection)


def test_a_black_hole_takes_connections_and_gives_nothing_until_it_ends(proxy: FaultProxy) -> None:
    proxy.faults = Faults(blackhole=True)
    with connected(proxy) as connection:
        connection.settimeout(0.3)
        connection.sendall(b"held back")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.faults = Faults()
        connection.settimeout(10.0)
        assert connection.recv(100) == b"held back"


def test_connections_are_reset_and_refused(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        assert echoed(connection, b"a") == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        proxy.faults = Faults(refuse=True)
        with pytest.raises(ConnectionResetError), connected(proxy) as other:
            other.recv(1)
    assert proxy.accepted == 2


def test_a_target_that_is_not_there_resets(proxy: FaultProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        proxy.target = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ConnectionResetError), connected(proxy) as connection:
        connection.recv(1)
