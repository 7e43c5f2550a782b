"""One short run with kills, for the tests of the nodes and for those of the judge."""

import random

import pytest

from .kill_rig import Run, run


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Kill each node once or twice while two cases at a time go on."""
    seed = random.SystemRandom().randrange(1_000_000)
    return run(tmp_path_factory.mktemp("k"), kills=3, cases=2, seed=seed)
