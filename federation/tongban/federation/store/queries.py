"""Every query there is, made once; `reads` and `recorder` give them their values."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from tongban.federation.store.tables import (
    acts,
    cases,
    checkpoints,
    claims,
    documents,
    events,
    evidence,
    materials,
    outbox,
    serials,
    windows,
    work,
)

_case: BindParameter[str] = bindparam("case")
_limit: BindParameter[int] = bindparam("limit")
_now: BindParameter[int] = bindparam("now")
_start: BindParameter[int] = bindparam("start")

_STANDS = or_(claims.c.expires.is_(None), claims.c.expires > _now)
CLAIM = select(claims).where(claims.c.key == bindparam("key"), _STANDS)
# Keys compare by code point (SQLite's BINARY, PostgreSQL's "C"), so this is a range of the primary key.
LIVE_CLAIMS = (
    select(claims)
    .where(claims.c.key >= bindparam("prefix"), claims.c.key < bindparam("beyond"), _STANDS)
    .order_by(claims.c.key)
    .limit(_limit)
)
STANDING = select(claims).where(claims.c.key.in_(bindparam("keys", expanding=True)))
_expired = select(claims.c.key).where(claims.c.expires <= _now).order_by(claims.c.expires).limit(_limit)
PRUNE = delete(claims).where(claims.c.key.in_(_expired.scalar_subquery()))

CASE = select(cases).where(cases.c.case_id == _case)
_number: BindParameter[str] = bindparam("number")
_member: BindParameter[str] = bindparam("member")
_latest_first = (cases.c.updated.desc(), cases.c.case_id.desc())
_own_numbers_first = case(
    (and_(cases.c.intake_number == _number, cases.c.intake == _member), 0),
    (and_(cases.c.case_number == _number, cases.c.handling == _member), 1),
    else_=2,
)
CASE_BY_NUMBER = (
    select(cases)
    .where(or_(cases.c.intake_number == _number, cases.c.case_number == _number))
    .order_by(_own_numbers_first, *_latest_first)
    .limit(1)
)
ACTS = select(acts).where(acts.c.case_id == _case).order_by(acts.c.author, acts.c.n)
EVENTS = (
    select(events).where(events.c.case_id == _case, events.c.sequence > bindparam("after")).order_by(events.c.sequence)
)


def cases_like(
    states: Collection[str] | None, equal: dict[str, str | None], limit: int, before: tuple[int, str] | None
) -> Select[Any]:
    """Return the query for cases in ``states`` whose columns have the values of ``equal``, the latest first."""
    wanted: list[ColumnElement[bool]] = [cases.c[name] == value for name, value in equal.items() if value is not None]
    if states is not None:
        wanted.append(cases.c.state.in_(states))
    place = tuple_(cases.c.updated, cases.c.case_id)
    if before is not None:
        wanted.append(place < before)
    return select(cases).where(*wanted).order_by(*_latest_first).limit(limit)


_earlier = outbox.alias("earlier")
_WAITS_FOR_ANOTHER = exists().where(
    _earlier.c.case_id == outbox.c.case_id,
    _earlier.c.peer == outbox.c.peer,
    _earlier.c.state == "queued",
    _earlier.c.position < outbox.c.position,
)
OUTBOX_DUE = (
    select(outbox)
    .where(outbox.c.state == "queued", outbox.c.not_before <= _now)
    .where(outbox.c.message_id.not_in(bindparam("but", expanding=True)))
    .where(or_(outbox.c.case_id == "", ~_WAITS_FOR_ANOTHER))
    .order_by(outbox.c.position)
    .limit(_limit)
)
OUTBOX_DUE_FOR_PEER = OUTBOX_DUE.where(outbox.c.peer == bindparam("peer"))
OUTBOX_OF_CASE = select(outbox).where(outbox.c.case_id == _case).order_by(outbox.c.position)
_queue = (outbox.c.peer, outbox.c.state)
OUTBOX_COUNTS = select(*_queue, func.count()).group_by(*_queue).order_by(*_queue)

WORK_DUE = (
    select(work)
    .where(work.c.not_before <= _now)
    .order_by(work.c.not_before, work.c.case_id, work.c.sequence)
    .limit(_limit)
)
WORK_OF_CASE = select(work).where(work.c.case_id == _case).order_by(work.c.sequence)

MATERIALS = select(materials.c.digest).where(materials.c.digest.in_(bindparam("digests", expanding=True)))
WINDOWS = select(windows).order_by(windows.c.window_id)
DOCUMENTS = select(documents).order_by(documents.c.name)
SERIAL = select(serials.c.next).where(serials.c.name == bindparam("serial"))

_asked_for = and_(evidence.c.position >= _start, evidence.c.position < bindparam("end"))
EVIDENCE = select(evidence).where(_asked_for).order_by(evidence.c.position)
LEAVES = select(evidence.c.leaf).where(_asked_for).order_by(evidence.c.position)
EVIDENCE_SIZE = select(func.coalesce(func.max(evidence.c.position) + 1, 0))

CHECKPOINTS = select(checkpoints).where(checkpoints.c.size >= _start).order_by(checkpoints.c.size).limit(_limit)
LAST_CHECKPOINT = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
