"""A large material costs two nodes little memory, and holds nobody up.

The long form, 1 GiB, runs when tests are chosen by a marker: ``-m slow``.
"""

import os
from pathlib import Path

import pytest

from tongban.core.testing.federation import Federation

from . import plan
from .material_rig import Run, run
from .plan import INTAKE

MOST_GROWTH = 50_000_000


def check(done: Run) -> None:
    print(done)
    assert all(grown < MOST_GROWTH for grown in done.grown.values()), str(done)
    assert done.overtook, str(done)


def test_64_mebibytes(tmp_path: Path) -> None:
    check(run(tmp_path, 64))


@pytest.mark.slow
def test_a_gibibyte(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("markexpr"):
        pytest.skip("the long form: -m slow")
    check(run(tmp_path, 1024))


def test_an_upload_goes_on_after_the_node_was_killed(tmp_path: Path) -> None:
    with Federation.lay_out(plan.write(tmp_path / "plan"), tmp_path / "f") as federation:
        federation.start()
        content, told = os.urandom(80 << 20), [0]

        def progress(come: int, size: int) -> None:
            if told == [0]:
                federation.nodes[INTAKE].kill()
                federation.nodes[INTAKE].start()
            told.append(come)

        with federation.window(INTAKE, timeout=30.0) as clerk:
            clerk.upload(content, code="application", name="申请书.bin", progress=progress)
        assert told[1] > 0
        assert told[-1] == len(content)
        assert sorted(told) == told
