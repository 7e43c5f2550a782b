"""Look-ups that this member's own sources answer: identity 身份核验 and credit 信用查询."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from secrets import token_hex

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.credit.v1 import credit_pb2 as credit
from tongban.api.identity.v1 import identity_pb2 as identity
from tongban.core import codes, sealing
from tongban.core.calendar import CHINA, local_day
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.sealing import Leaf
from tongban.core.sources import CreditRecord, SourceUnavailable, Verdict
from tongban.core.times import timestamp
from tongban.federation.calls import Call, Caller, Draft, Outcome
from tongban.federation.cases.checks import party_digest
from tongban.federation.cases.work import party
from tongban.federation.resources import Resources

log = logging.getLogger(__name__)

ASSERTION_VALID = timedelta(days=1)
"""For how long others may rely on an identity assertion."""

CREDIT_VALID = timedelta(hours=1)
"""For how long a credit answer may be used before it must be asked for again."""


class Lookups:
    """Answers look-ups from the sources that plugins bring."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def verify_identity(self, caller: Caller, call: Call) -> Outcome:
        """Return a verdict, and the same as a signed assertion. A source that does not answer is no negative."""
        request = decoded(identity.VerifyIdentityRequest, call.body)
        now = self._resources.clock()
        assertion = identity.Assertion(
            assertion_id=token_hex(16),
            member=self._resources.member,
            party_digest=party_digest(request.party),
            verdict=await self._verdict(request),
            verified_at=timestamp(now),
            expires_at=timestamp(now + ASSERTION_VALID),
        )
        data = assertion.SerializeToString()

        def body_of(seal: Seal) -> bytes:
            signed = identity.SignedAssertion(assertion=data, seal=seal)
            return identity.VerifyIdentityResponse(verdict=assertion.verdict, assertion=signed).SerializeToString()

        return Outcome(draft=Draft(Leaf(sealing.ASSERTION, data), body_of))

    async def query_credit(self, caller: Caller, call: Call) -> Outcome:
        """Return the records that may be shown and used today."""
        request = decoded(credit.QueryCreditRequest, call.body)
        now = self._resources.clock()
        records = await self._records(request.credit_code)
        available = credit.AVAILABILITY_UNAVAILABLE if records is None else credit.AVAILABILITY_OBTAINED
        shown = [one for one in records or () if self._may_be_shown(one)]
        ends = [_end_of(one.shown_until) for one in shown if one.shown_until]
        answer = credit.QueryCreditResponse(
            availability=available,
            records=[_record(one) for one in shown],
            obtained_at=timestamp(now),
            expires_at=timestamp(min([now + CREDIT_VALID, *ends])),
        )
        return Outcome(answer.SerializeToString())

    async def _verdict(self, request: identity.VerifyIdentityRequest) -> "identity.Verdict.ValueType":
        source = self._resources.registry.identity
        if source is None:
            raise Refusal(codes.SOURCE_MISSING, {"source": "identity 身份"}, member=self._resources.member)
        try:
            asked = party(request.party)
            verdict = await self._resources.runner.run(source, asked, gives=Verdict, passes=SourceUnavailable)
            return identity.Verdict.Value(f"VERDICT_{verdict.value}")
        except (SourceUnavailable, Refusal) as error:
            log.warning("identity source: %s", error)
            return identity.VERDICT_UNAVAILABLE

    async def _records(self, credit_code: str) -> list[CreditRecord] | None:
        source = self._resources.registry.credit
        if source is None:
            raise Refusal(codes.SOURCE_MISSING, {"source": "credit 信用"}, member=self._resources.member)
        try:
            runner = self._resources.runner
            records = await runner.run(source, credit_code, gives=Sequence, passes=SourceUnavailable)
            if not all(isinstance(one, CreditRecord) for one in records):
                raise runner.failed(source, TypeError("it gave something that is no CreditRecord"))
            return list(records)
        except (SourceUnavailable, Refusal) as error:
            log.warning("credit source: %s", error)
            return None

    def _may_be_shown(self, record: CreditRecord) -> bool:
        today = local_day(self._resources.clock())
        return not record.repaired and (record.shown_until is None or today <= record.shown_until)


def _end_of(day: date) -> datetime:
    """Return the end of a day in China: what may be shown on it may not be used after it."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def _record(one: CreditRecord) -> credit.CreditRecord:
    return credit.CreditRecord(
        kind=credit.RecordKind.Value(f"RECORD_KIND_{one.kind.value}"),
        title=one.title,
        authority=one.authority,
        recorded_on=one.recorded_on.isoformat(),
        shown_until=one.shown_until.isoformat() if one.shown_until else "",
    )
