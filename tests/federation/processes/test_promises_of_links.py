"""What nodes promise when the ways between them are bad: each peer is reached through a proxy for faults."""

import shutil
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from tongban.api.admin.v1.admin_pb2 import ENDPOINT_STATE_EJECTED, ENDPOINT_STATE_LINKED, EndpointStatus
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_CORRECTION
from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.core import Refusal, codes
from tongban.core.client import Client
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.testing.federation import Federation, eventually
from tongban.core.testing.proxy import FaultProxy, Faults
from tongban.core.times import wall_clock
from tongban.federation.formation import announce, authority, switch

from .bad_plugin.tongban_bad_plugin import HANDLERS
from .looking import await_state, check_journals, check_log, submit_company_change
from .people import AGENT, CHONGMING, FIRM, HEFEI, PURPOSE, QIDONG, plan_of_four
from .raw import RawPeer, RawWindow

SMALL, LARGE = synthetic_credit_code("340100", 0), synthetic_credit_code("340100", 2)
"""合肥 has no record of the first, and 3,000 of the second: some 250 KB."""

UPLOAD = "/tongban.api.materials.v1.MaterialService/UploadMaterial"

Proxies = dict[str, FaultProxy]


@pytest.fixture(scope="module")
def proxies() -> Iterator[Proxies]:
    with ExitStack() as stack:
        yield {member: stack.enter_context(FaultProxy()) for member in (CHONGMING, QIDONG, HEFEI)}


@pytest.fixture(scope="module")
def far(proxies: Proxies, tmp_path_factory: pytest.TempPathFactory, plugins: dict[str, str]) -> Iterator[Federation]:
    """Return a running federation whose nodes reach each other through proxies."""
    folder = tmp_path_factory.mktemp("far")
    plan = plan_of_four(folder / "plan", list(HANDLERS))
    with Federation.lay_out(plan, folder / "f", plugins, proxies=proxies) as laid_out:
        for member, limits in ((CHONGMING, "link_waiting = 10"), (HEFEI, "link_questions = 64")):
            with (laid_out.places[member].home / "node.toml").open("a", encoding="utf-8") as settings:
                settings.write(f"\n[limits]\n{limits}\n")
        yield laid_out.start()
        assert [node.stop() for node in laid_out.nodes.values()] == [0] * 4
        check_journals(laid_out)


@pytest.fixture
def clerk(far: Federation, proxies: Proxies) -> Iterator[Client]:
    """Return a window of 崇明; in the end all is well again."""
    with far.window(CHONGMING, timeout=20.0) as window:
        eventually(lambda: ask(window, QIDONG) and ask(window, HEFEI))
        yield window
        for proxy in proxies.values():
            proxy.faults = Faults()
        eventually(lambda: ask(window, QIDONG) and ask(window, HEFEI), 60.0)


def ask(window: Client, member: str, code: str = "", **options: float) -> object:
    """Ask a member about a firm."""
    code = code or (FIRM.number if member == QIDONG else SMALL)
    return window.query_credit(code, to=member, purpose=PURPOSE, timeout=options.get("timeout", 20.0))


def told(call: Callable[[], object]) -> Refusal | None:
    """Return how a call was refused, or None."""
    try:
        call()
    except Refusal as refusal:
        return refusal
    return None


def median(window: Client, member: str, count: int = 40) -> float:
    """Return the median of the seconds that a look-up takes."""
    taken = []
    for _ in range(count):
        begun = time.monotonic()
        ask(window, member)
        taken.append(time.monotonic() - begun)
    return statistics.median(taken)


def endpoints(far: Federation, member: str) -> list[EndpointStatus]:
    """Return how 崇明 sees the endpoints of a member."""
    with far.admin(CHONGMING) as admin:
        return [one for peer in admin.status().peers if peer.member == member for one in peer.endpoints]


@contextmanager
def kept_doing(call: Callable[[], object], threads: int = 1) -> Iterator[list[Refusal | None]]:
    """Make a call again and again meanwhile; yield what became of each."""
    outcomes, done = list[Refusal | None](), threading.Event()

    def keep_doing() -> None:
        while not done.is_set():
            outcomes.append(told(call))

    with ThreadPoolExecutor(threads) as pool:
        doing = [pool.submit(keep_doing) for _ in range(threads)]
        try:
            yield outcomes
        finally:
            done.set()
    for one in doing:
        one.result()


def verify(officer: Client) -> object:
    """Ask 崇明, from 启东, who somebody is."""
    return officer.verify_person(AGENT.name, AGENT.number, to=CHONGMING, purpose=PURPOSE)


def test_promise_07_a_half_open_peer_is_noticed_and_others_do_not_feel_it(
    far: Federation, proxies: Proxies, clerk: Client
) -> None:
    before, door = median(clerk, HEFEI), far.places[QIDONG].peers
    connections = established(door)
    assert connections
    proxies[QIDONG].faults = Faults(blackhole=True)
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: told(lambda: ask(clerk, QIDONG)))
        eventually(lambda: any(one.state != ENDPOINT_STATE_LINKED for one in endpoints(far, QIDONG)))
        noticed = time.monotonic() - begun
        during = median(clerk, HEFEI)
        refusal = asking.result()
    assert refusal is not None
    assert refusal.code in (codes.PEER_UNAVAILABLE, codes.DEADLINE)
    assert noticed < 5 * 5.0, f"{noticed:.1f} s"  # A ping after two seconds, two more for its answer, and one.
    assert during < 3 * before + 0.05, f"{during:.4f} s, before {before:.4f} s"
    eventually(lambda: not connections & established(door), 5 * 15.0)  # The side that was dialled notices it too.


def established(address: str) -> set[str]:
    """Return where the connections come from that stand at an address (proc_pid_net(5))."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    lines = [line.split() for line in Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()]
    return {peer for _, here, peer, state, *_ in lines if here.endswith(port) and state == "01"}


def test_promise_08_a_slow_peer_does_not_slow_others_and_its_queue_is_bounded(
    far: Federation, proxies: Proxies, clerk: Client
) -> None:
    before = median(clerk, QIDONG)
    proxies[HEFEI].faults = Faults(rate=10_000)
    with far.window(CHONGMING, timeout=20.0) as other, ThreadPoolExecutor(100) as pool:
        asking = [pool.submit(lambda: told(lambda: ask(other, HEFEI, LARGE, timeout=8.0))) for _ in range(100)]
        during = median(clerk, QIDONG)
        refusals = [one.result() for one in asking]
    found = {one.code for one in refusals if one is not None}
    assert found <= {codes.PEER_BUSY, codes.DEADLINE, codes.PEER_UNAVAILABLE}
    busy = [one for one in refusals if one is not None and one.code is codes.PEER_BUSY]
    assert len(busy) >= 100 - 64 - 11 - 1
    assert all(one.retry_seconds > 0 for one in busy)
    assert during < 3 * before + 0.05, f"{during:.4f} s, before {before:.4f} s"


def test_promise_09_a_dead_peer_costs_little_and_is_back_as_soon_as_it_shows_itself(
    far: Federation, proxies: Proxies, clerk: Client
) -> None:
    proxy = proxies[QIDONG]
    proxy.faults = Faults(refuse=True)
    proxy.reset()
    with kept_doing(lambda: ask(clerk, QIDONG)) as outcomes:
        eventually(lambda: [one.state for one in endpoints(far, QIDONG)] == [ENDPOINT_STATE_EJECTED])
        eventually(lambda: endpoints(far, QIDONG)[0].failures >= 7)
        attempts, begun = proxy.accepted, time.monotonic()
        time.sleep(10.0)
        assert proxy.accepted - attempts <= 1 + (time.monotonic() - begun) / 5.0
        assert len(outcomes) > 20  # Each is refused at once.
        assert outcomes[-1] is not None
        assert (outcomes[-1].code, outcomes[-1].retry_seconds > 0) == (codes.PEER_UNAVAILABLE, True)
        case_id = submit_company_change(clerk)
        left = endpoints(far, QIDONG)[0].retry_ms / 1000
        proxy.faults = Faults()
        far.nodes[QIDONG].kill()
        far.nodes[QIDONG].start()
        eventually(lambda: told(lambda: ask(clerk, QIDONG)) is None, 30.0)
        assert [one.state for one in endpoints(far, QIDONG)] == [ENDPOINT_STATE_LINKED], f"{left} s were left"
    await_state(clerk, case_id, CASE_STATE_CORRECTION)


def test_promise_11_a_graceful_stop_costs_nobody_more_than_a_repetition(far: Federation, clerk: Client) -> None:
    with (
        kept_doing(lambda: ask(clerk, HEFEI), threads=4) as outcomes,
        kept_doing(lambda: ask(clerk, HEFEI, LARGE)) as large,
    ):
        for _ in range(2):
            enough = len(outcomes) + 20
            eventually(lambda enough=enough: len(outcomes) >= enough)  # type: ignore[misc]
            begun = time.monotonic()
            assert far.nodes[HEFEI].stop() == 0
            assert time.monotonic() - begun < 5.0 + 2.0  # The grace of the settings, and two seconds.
            far.nodes[HEFEI].start()
            eventually(lambda: told(lambda: ask(clerk, HEFEI)) is None)
    refused = {one.code for one in outcomes + large if one is not None}
    assert refused <= {codes.PEER_UNAVAILABLE, codes.STOPPING}
    assert all(code.retryable for code in refused)
    check_log(far, HEFEI)


def test_promise_30_connections_that_say_nothing_take_nothing_from_others(far: Federation, clerk: Client) -> None:
    before = median(clerk, QIDONG)
    place, nothing = far.places[CHONGMING], threading.Event()
    with ExitStack() as stack:
        channel = stack.enter_context(RawWindow(place)).channel
        stalled: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(UPLOAD)
        metadata = (("authorization", f"Bearer {far.tokens[CHONGMING]}"),)
        for _ in range(100):
            stalled.future(_never(nothing), timeout=60.0, metadata=metadata)
        stack.callback(nothing.set)
        idle = [stack.enter_context(_connected(address)) for address in (place.windows, place.peers) * 250]
        during = median(clerk, QIDONG)
        with far.window(CHONGMING) as newcomer:
            assert ask(newcomer, QIDONG)
        assert during < 3 * before + 0.05, f"{during:.4f} s, before {before:.4f} s"
        begun = time.monotonic()
        for connection in idle:
            connection.settimeout(max(0.1, begun + 5 * 10.0 - time.monotonic()))
            assert _ends(connection), "a handshake may take ten seconds"


def _never(event: threading.Event) -> Iterator[bytes]:
    event.wait()
    yield from ()


def _connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10.0)


def _ends(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            continue
    except ConnectionResetError:
        return True
    return True


def test_small_questions_are_not_held_up_by_large_ones(far: Federation, proxies: Proxies, clerk: Client) -> None:
    material = clerk.upload("崇明的申请书。".encode() * 20_000, code="application", name="申请书.txt")
    with far.window(QIDONG, timeout=20.0) as officer:
        assert verify(officer)
        proxies[CHONGMING].faults = Faults(rate=30_000)  # For each connection.
        case_id = submit_company_change(clerk, materials=[material])
        begun = time.monotonic()
        eventually(lambda: officer.case(case_id))
        for _ in range(10):
            assert verify(officer)
        assert time.monotonic() - begun < 5.0
        assert officer.case(case_id).summary.state != CASE_STATE_CORRECTION, "the material has come already"
        proxies[CHONGMING].faults = Faults()
        await_state(clerk, case_id, CASE_STATE_CORRECTION)


def test_of_two_endpoints_one_serves_while_the_other_fails(far: Federation, proxies: Proxies, clerk: Client) -> None:
    with FaultProxy(far.places[QIDONG].peers) as second:
        _publish(far, QIDONG, second.address)
        eventually(lambda: len(endpoints(far, QIDONG)) == 2)
        for first, other in ((proxies[QIDONG], second), (second, proxies[QIDONG])):
            first.faults = Faults(refuse=True)
            first.reset()
            assert {told(lambda: ask(clerk, QIDONG)) for _ in range(20)} == {None}
            linked = [one.endpoint for one in endpoints(far, QIDONG) if one.state == ENDPOINT_STATE_LINKED]
            assert linked == [other.address]
            first.faults = Faults()
        for proxy in (proxies[QIDONG], second):
            proxy.faults = Faults(refuse=True)
            proxy.reset()
        refusal = eventually(lambda: told(lambda: ask(clerk, QIDONG)))
        assert refusal.code is codes.PEER_UNAVAILABLE
        proxies[QIDONG].faults = Faults()
        _publish(far, QIDONG)
        eventually(lambda: told(lambda: ask(clerk, QIDONG)) is None, 60.0)


def test_a_peer_that_moves_is_followed_without_a_failed_call(far: Federation, proxies: Proxies, clerk: Client) -> None:
    with FaultProxy(far.places[QIDONG].peers) as other, kept_doing(lambda: ask(clerk, QIDONG), threads=4) as outcomes:
        for here, there in ((other, proxies[QIDONG]), (proxies[QIDONG], other)):
            _publish(far, QIDONG, here.address, only=True)
            eventually(lambda here=here: [one.endpoint for one in endpoints(far, QIDONG)] == [here.address])  # type: ignore[misc]
            eventually(lambda there=there: there.open == 0)  # type: ignore[misc]
            _go_on(outcomes)
    assert [one for one in outcomes if one is not None] == []


def _publish(far: Federation, member: str, *more: str, only: bool = False) -> None:
    """Publish a directory in which a member has more endpoints than that of its card, or others; give it to all."""
    place = far.directory.parent
    authority.add_member(place, far.places[member].home / "member.card")
    card = next(one for one in authority.members(place) if one.id == member)
    certificate = card.nodes[0].certificate
    if only:
        del card.nodes[:]
    for endpoint in more:
        card.nodes.add(endpoint=endpoint, certificate=certificate)
    (place / "members" / f"{member}.card").write_bytes(card.SerializeToString())
    authority.publish(place, authority.Age(), wall_clock())
    signed = SignedDocument.FromString(far.directory.read_bytes())
    for one in far.places:
        with far.admin(one) as admin:
            admin.import_document(signed)


def test_promise_21_a_certificate_rolls_without_a_failed_call(far: Federation, clerk: Client, tmp_path: Path) -> None:
    place, home = far.places[QIDONG], far.places[QIDONG].home
    shutil.copytree(home / "keys", tmp_path / "old")
    with far.window(QIDONG, timeout=20.0) as officer, ExitStack() as stack:
        to_it = stack.enter_context(kept_doing(lambda: ask(clerk, QIDONG), threads=2))
        from_it = stack.enter_context(kept_doing(lambda: verify(officer), threads=2))
        announce(home, wall_clock())
        _publish(far, QIDONG)
        _go_on(to_it, from_it)
        switch(home)
        eventually(lambda: _shown(place.windows) == _shown(place.peers) == place.certificate.read_text())
        time.sleep(2 * 1.0)  # So often a node looks whether its links are as they should be.
        _go_on(to_it, from_it)
        _publish(far, QIDONG)
        _go_on(to_it, from_it)
    assert [one for one in to_it + from_it if one is not None] == []
    assert (tmp_path / "old" / "node.crt").read_text() != place.certificate.read_text()
    with (
        RawPeer(place, far.places[CHONGMING], tmp_path / "old") as peer,
        pytest.raises(AssertionError, match="UNAVAIL"),
    ):
        list(peer.link().answers())


def _go_on(*outcomes: list[Refusal | None]) -> None:
    """Wait for some more calls."""
    for ones in outcomes:
        enough = len(ones) + 30
        eventually(lambda ones=ones, enough=enough: len(ones) >= enough)  # type: ignore[misc]


def _shown(address: str) -> str:
    """Return the certificate that a door shows (PEM)."""
    host, _, port = address.rpartition(":")
    return ssl.get_server_certificate((host, int(port)))
