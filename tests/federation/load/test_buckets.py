"""Token buckets against a model, with a clock that is turned by hand."""

from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tongban.federation.load.buckets import Buckets, Rate

RATES = {"slow": Rate(0.5, 1), "row": Rate(60 / 60, 60), "fast": Rate(200.0, 5)}


class Model(RuleBasedStateMachine):
    """Buckets hold what exact numbers say they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = Fraction(1000)
        self.buckets = Buckets(lambda: float(self.now))
        self.levels = {key: Fraction(rate.burst) for key, rate in RATES.items()}

    @rule(key=st.sampled_from(sorted(RATES)))
    def take(self, key: str) -> None:
        rate, level = RATES[key], self.levels[key]
        wait = self.buckets.take(key, rate)
        if level >= 1:
            assert wait == 0
            self.levels[key] -= 1
        else:
            assert abs(wait - float((1 - level) / Fraction(rate.per_second))) < 1e-6

    @rule(key=st.sampled_from(sorted(RATES)))
    def wait_as_told(self, key: str) -> None:
        wait = self.buckets.take(key, RATES[key])
        if wait:
            self.pass_time((1 - self.levels[key]) / Fraction(RATES[key].per_second))
            assert self.levels[key] == 1
        else:
            self.levels[key] -= 1

    @rule(milliseconds=st.integers(1, 5000))
    def time_passes(self, milliseconds: int) -> None:
        self.pass_time(Fraction(milliseconds, 1000))

    def pass_time(self, seconds: Fraction) -> None:
        self.now += seconds
        for key, rate in RATES.items():
            self.levels[key] = min(Fraction(rate.burst), self.levels[key] + seconds * Fraction(rate.per_second))

    @invariant()
    def few_are_kept(self) -> None:
        assert len(self.buckets) <= len(RATES)


TestModel = Model.TestCase


def test_in_any_time_no_more_pass_than_the_rate_says() -> None:
    now = 0.0
    buckets, rate, passed = Buckets(lambda: now), Rate(30.0, 10), 0
    for step in range(100_000):  # A hundred seconds, asked a thousand times a second.
        now = step / 1000
        passed += buckets.take("one", rate) == 0
    assert 10 + 30 * 100 - 1 <= passed <= 10 + 30 * 100


def test_buckets_that_are_full_again_are_forgotten() -> None:
    now = 0.0
    buckets = Buckets(lambda: now)
    for number in range(100_000):
        now += 0.01
        buckets.take(f"window-{number}", Rate(1.0, 1))
    assert len(buckets) <= 1100


def test_a_rate_that_is_raised_holds_at_once() -> None:
    buckets = Buckets(lambda: 5.0)
    assert buckets.take("row", Rate(1.0, 1)) == 0
    assert buckets.take("row", Rate(1.0, 1)) == 1.0
    assert buckets.take("row", Rate(10.0, 20)) == 0
