"""A large material costs two nodes little memory, and holds nobody up.

The long form, 1 GiB, runs when tests are chosen by a marker: ``-m slow``.
"""

import os
from pathlib import Path

import pytest

from tongban.core.testing.federation import Federation, eventually

from . import plan
from .material_rig import Rig, Run, allow_large, run
from .plan import HANDLING, INTAKE

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
        pytest.skip("takes minutes: the same as above, longer; run it with pytest -m slow")
    check(run(tmp_path, 1024))


def test_a_fetch_goes_on_after_either_node_was_killed(tmp_path: Path) -> None:
    written = plan.write(tmp_path / "plan")
    allow_large(tmp_path / "plan")
    with Federation.lay_out(written, tmp_path / "f") as federation:
        federation.start()
        with federation.window(INTAKE, timeout=30.0) as clerk, federation.window(HANDLING) as officer:
            rig = Rig(federation, clerk, officer)
            material = rig.upload(os.urandom(200 << 20))
            folder = federation.places[HANDLING].home / "materials"
            part, whole = folder / "fetches" / INTAKE / material.digest, folder / INTAKE / material.digest
            case_id, come = rig.submit(material), 0
            for member in (HANDLING, INTAKE):
                eventually(lambda: part.exists() and part.stat().st_size > come + (8 << 20), pause=0.002)  # noqa: B023
                federation.nodes[member].kill()
                come = part.stat().st_size
                federation.nodes[member].start()
                assert part.stat().st_size >= come
            rig.await_handler(case_id)
            assert whole.stat().st_size == material.size
        assert 16 << 20 < come < material.size


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
