"""A short form of the fuzz: with a seed of its own each time, which the failure names."""

import random

from .fuzz import run


def test_promise_28_every_input_is_answered_or_refused() -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    found = run(seed, seconds=5.0)
    assert not found.failures, f"seed {seed}\n{found}"
    assert found.tried > 500
    targets = ("submission", "context", "document", "header", "frame", "status")
    for target in targets:
        assert any(what.startswith(target) for what in found.outcomes), f"seed {seed}: nothing tried {target}\n{found}"
    assert any(what.endswith("MALFORMED") for what in found.outcomes)
    assert any(what.endswith("taken") for what in found.outcomes)
