"""A graceful stop loses and duplicates nothing. The long form: ``python -m tests.rigs.stop_rig --stops 50``."""

from pathlib import Path

import pytest

from . import stop_rig


@pytest.mark.slow
def test_promise_11_graceful_stops_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    done = stop_rig.run(tmp_path / "s", stops=4)
    assert done.good, str(done)
    assert len(done.receipts) >= 4 * stop_rig.AT_ONCE
