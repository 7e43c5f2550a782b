"""What is measured, running: two nodes, three bare servers, and the process that makes the load."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tongban.core.testing.federation import Federation
from tongban.federation.bench import bare, plan, tls
from tongban.federation.bench.load import Kind, Load, Sample, Target, generate
from tongban.federation.bench.plan import HANDLING, INTAKE
from tongban.federation.bench.rows import BenchFailed, Row

_SUBMIT = "/tongban.api.cases.v1.CaseService/SubmitCase"


@dataclass(frozen=True, slots=True)
class BareServer:
    """A bare server that runs."""

    address: str
    pid: int


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that runs. In figures the node that a window calls is A, the one behind it B."""

    federation: Federation
    echo: BareServer
    forward: BareServer
    answer: BareServer
    generator: ProcessPoolExecutor

    def sample(self, row: Row, in_flight: int, seconds: float) -> Sample:
        """Measure a row once; a quarter of the time before it warms up.

        Raises:
            BenchFailed: a call failed.
        """
        load = Load(self._target(row), self.processes(row), in_flight, seconds, warm_up=seconds / 4)
        return self.generator.submit(generate, load).result()

    def processes(self, row: Row) -> dict[str, int]:
        """Return the process ids of the nodes, or what stands for them, that answer a row."""
        match row:
            case Row.ECHO:
                return {"A": self.echo.pid}
            case Row.BARE_FORWARD:
                return {"A": self.forward.pid, "B": self.answer.pid}
        pids = {name: self.federation.nodes[member].pid for name, member in (("A", INTAKE), ("B", HANDLING))}
        return {name: pid for name, pid in pids.items() if pid and not (name == "B" and row is Row.LOCAL_LOOKUP)}

    def _target(self, row: Row) -> Target:
        match row:
            case Row.ECHO:
                return self._bare(self.echo)
            case Row.BARE_FORWARD:
                return self._bare(self.forward)
            case Row.LOCAL_LOOKUP:
                return self._at_node(plan.IDENTITY, plan.lookup())
            case Row.FORWARDED_LOOKUP:
                return self._at_node(plan.IDENTITY, plan.lookup(), to=HANDLING)
            case Row.SUBMIT:
                return self._at_node(_SUBMIT, plan.submission(), Kind.SUBMIT)
            case _:
                return self._at_node(_SUBMIT, plan.submission(), Kind.THROUGH)

    def _bare(self, server: BareServer) -> Target:
        home = self.federation.places[INTAKE].home
        return Target(server.address, tls.certificate(home), bare.METHOD, plan.BARE_BODY, metadata=self._metadata())

    def _at_node(self, method: str, body: bytes, kind: Kind = Kind.UNARY, to: str = "") -> Target:
        place = self.federation.places[INTAKE]
        return Target(place.windows, tls.certificate(place.home), method, body, kind, self._metadata(to))

    def _metadata(self, to: str = "") -> tuple[tuple[str, str | bytes], ...]:
        bearer = f"Bearer {self.federation.tokens[INTAKE]}"
        return (("authorization", bearer), ("tongban-context-bin", plan.context(to)))


@contextmanager
def running(folder: Path) -> Iterator[Ground]:
    """Have everything run, with its data in this folder.

    Raises:
        BenchFailed: a bare server did not start.
        NodeDidNotStart: a node did not start.
    """
    federation = Federation.lay_out(plan.write(folder / "plan"), folder / "nodes")
    intake, handling = (str(federation.places[member].home) for member in (INTAKE, HANDLING))
    with (
        federation,  # From here on a node that does not start takes the others down with it.
        _bare("echo", intake) as echo,
        _bare("answer", handling, "", intake) as answer,
        _bare("forward", intake, answer.address, handling) as forward,
        _generator() as generator,
    ):
        federation.start()
        yield Ground(federation, echo, forward, answer, generator)


@contextmanager
def _bare(*arguments: str) -> Iterator[BareServer]:
    command = [sys.executable, "-m", bare.__name__, *arguments]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise BenchFailed(f"the bare server ended: {' '.join(command)}")
            yield BareServer(address, process.pid)
        finally:
            process.kill()


@contextmanager
def _generator() -> Iterator[ProcessPoolExecutor]:
    """Have one process that makes the load; an interrupt is its parent's business."""
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=signal.signal, initargs=ignore) as generator:
        yield generator
