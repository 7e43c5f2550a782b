"""Memory and file handles stay as they are. The long form: ``python -m tests.rigs.soak_rig --seconds 600``."""

from pathlib import Path

import pytest

from . import soak_rig


@pytest.mark.slow
def test_promise_41_cancelled_calls_leave_neither_memory_nor_file_handles_behind(tmp_path: Path) -> None:
    done = soak_rig.run(tmp_path / "s", seconds=20.0)
    assert done.calls["answered"] > 100
    assert done.calls["cancelled"] > 10
    assert set(done.calls) == {"answered", "cancelled"}, str(done)
    for one in done.growth:
        assert one.memory[1] < one.memory[0] + 20, str(done)
        assert one.handles[1] <= one.handles[0] + 3, str(done)
