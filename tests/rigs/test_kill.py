"""Nodes that are killed at random moments lose nothing and do nothing twice.

The long form, twenty kills, runs when tests are chosen by a marker: ``-m slow``.
"""

import random
from pathlib import Path

import pytest

from .kill_rig import Run, run


def test_three_kills(short_run: Run) -> None:
    assert short_run.verdict.good, str(short_run)
    assert short_run.kills == 3
    assert short_run.cases >= 2


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_twenty_kills(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("markexpr"):
        pytest.skip("takes minutes: the same as above, longer; run it with pytest -m slow")
    done = run(tmp_path / "k", kills=20, cases=4, seed=random.SystemRandom().randrange(1_000_000))
    print(done)
    assert done.verdict.good, str(done)
