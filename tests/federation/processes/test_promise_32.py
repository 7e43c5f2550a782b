"""Promise 32: a quota is exact under concurrency, tells when to come again, and touches nobody else."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest, QueryCreditResponse
from tongban.core import Refusal, codes
from tongban.core.client import Client
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation

from .driving import Crowd, Driven
from .looking import Log, check_log
from .people import AGENT, CHONGMING, CREDIT, FIRM, PURPOSE, QIDONG, plan_of_two

PER_MINUTE = 240


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return a federation in whose agreement 崇明 may ask 启东 about credit so often."""
    folder = tmp_path_factory.mktemp("agreed")
    plan = plan_of_two(folder / "plan")
    row = f'method = "{CREDIT}"\n'
    text = plan.read_text("utf-8").replace(row, f"{row}per_minute = {PER_MINUTE}\n")
    plan.write_text(text, encoding="utf-8")
    with Federation.lay_out(plan, folder / "f") as federation:
        yield federation.start()
        assert [node.stop() for node in federation.nodes.values()] == [0, 0]


def _obtained(answer: bytes) -> bool:
    return QueryCreditResponse.FromString(answer).availability == AVAILABILITY_OBTAINED


async def _crowd_and_others(federation: Federation) -> tuple[Driven, int]:
    """Have a crowd of 崇明 ask about credit, and 启东 by another row; return how often that was answered."""
    context = CallContext(to=QIDONG, purpose=PURPOSE).SerializeToString()
    body = QueryCreditRequest(credit_code=FIRM.number).SerializeToString()
    crowd = Crowd(federation.places[CHONGMING], federation.tokens[CHONGMING], CREDIT, body, context, _obtained, 10.0)
    driving, answered = asyncio.create_task(crowd.drive(200.0, 3.0)), 0
    with federation.window(QIDONG) as other:
        while not driving.done():
            verified = await asyncio.to_thread(
                other.verify_person, AGENT.name, AGENT.number, to=CHONGMING, purpose=PURPOSE
            )
            assert verified.verdict is Verdict.MATCH
            answered += 1
    return await driving, answered


def test_promise_32_a_quota_is_exact_under_concurrency_and_touches_nobody_else(agreed: Federation) -> None:
    log = Log(agreed, QIDONG)
    driven, others = asyncio.run(_crowd_and_others(agreed))
    allowed = PER_MINUTE + PER_MINUTE / 60 * driven.seconds
    assert 0.95 * PER_MINUTE <= len(driven.latencies) <= 1.01 * allowed, str(driven)
    assert set(driven.refused) == {"QUOTA_EXCEEDED"}, str(driven)
    assert others > 10
    told = log.codes(CREDIT)
    assert (told.count(""), told.count("QUOTA_EXCEEDED")) == (len(driven.latencies), driven.refused.total())
    with agreed.admin(QIDONG) as admin:
        assert admin.status().load.over_quota == driven.refused.total()
    for member in (CHONGMING, QIDONG):
        check_log(agreed, member)


def test_promise_32_who_comes_again_when_told_is_answered(agreed: Federation) -> None:
    with agreed.window(CHONGMING) as window:
        refusal = _used_up(window)
        assert refusal.code is codes.QUOTA_EXCEEDED
        assert (refusal.facts["limit"], refusal.member) == ("agreement/310151/320681/registration#credit", QIDONG)
        assert 0 < refusal.retry_seconds <= 60 / PER_MINUTE
        time.sleep(refusal.retry_seconds)
        assert window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).records


def _used_up(window: Client) -> Refusal:
    """Ask until the quota is used up, and return the refusal."""
    for _ in range(2 * PER_MINUTE):
        try:
            window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE)
        except Refusal as refusal:
            return refusal
    raise AssertionError("the quota is never used up")
