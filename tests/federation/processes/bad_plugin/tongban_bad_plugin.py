"""A plugin that fails in every way in which a plugin can; item, name or code say which."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Sequence
from datetime import date
from pathlib import Path

from tongban.core import (
    Answer,
    Approve,
    Case,
    Correct,
    CreditRecord,
    DecidingFact,
    Item,
    ItemType,
    Party,
    PluginSettings,
    RecordKind,
    Reject,
    Verdict,
    hookimpl,
)
from tongban.core.items import Handler
from tongban.core.sources import CreditSource, IdentitySource


def approve(case: Case) -> Answer:
    return Approve("准予。")


async def approve_later(case: Case) -> Answer:
    await asyncio.sleep(0)
    return Approve("准予。")


def raise_error(case: Case) -> Answer:
    raise ValueError(f"no record of {case.applicant.name} {case.applicant.number}")


async def raise_error_later(case: Case) -> Answer:
    await asyncio.sleep(0)
    return raise_error(case)


def end_process(case: Case) -> Answer:
    sys.exit(1)


async def end_process_later(case: Case) -> Answer:
    await asyncio.sleep(0)
    sys.exit(1)


def interrupt(case: Case) -> Answer:
    raise KeyboardInterrupt


def stop_iteration(case: Case) -> Answer:
    rows: list[Answer] = []
    return next(iter(rows))


def time_out(case: Case) -> Answer:
    raise TimeoutError("the department's system did not answer")


def cancel(case: Case) -> Answer:
    raise asyncio.CancelledError


def give_text(case: Case) -> Answer:
    return "approved"  # type: ignore[return-value]


def give_number_as_text(case: Case) -> Answer:
    return Approve(42)  # type: ignore[arg-type]


def ask_for_nothing(case: Case) -> Answer:
    return Correct({})


def talk_without_end(case: Case) -> Answer:
    return Reject("不" * 2_000)


def never_return(case: Case) -> Answer:
    threading.Event().wait()
    return approve(case)


async def never_return_later(case: Case) -> Answer:
    await asyncio.Event().wait()
    return approve(case)


HANDLERS: dict[str, Handler] = {
    function.__name__.upper().replace("_", "-"): function
    for function in (
        approve,
        approve_later,
        raise_error,
        raise_error_later,
        end_process,
        end_process_later,
        interrupt,
        stop_iteration,
        time_out,
        cancel,
        give_text,
        give_number_as_text,
        ask_for_nothing,
        talk_without_end,
        never_return,
        never_return_later,
    )
}
"""By code of the item."""


def _item(code: str, handler: Handler) -> Item:
    item = Item(code, f"试验事项 {code}", ItemType.OTHER, DecidingFact.HOUSEHOLD, "试验结果")
    item.handler(handler)
    return item


def _fails_until(repaired: Path) -> Handler:
    def handle(case: Case) -> Answer:
        if not repaired.exists():
            raise ConnectionError("the department's system is down")
        return Approve(f"准予,依据 {case.key}。")

    return handle


async def _never() -> Verdict:
    await asyncio.Event().wait()
    return Verdict.MATCH


def _verify(party: Party) -> Verdict | Awaitable[Verdict]:
    match party.name:
        case "庐州报错":
            raise ValueError(f"no row of {party.name} {party.number}")
        case "庐州退出":
            sys.exit(1)
        case "庐州乱答":
            return "yes"  # type: ignore[return-value]
        case "庐州不答":
            threading.Event().wait()
        case "庐州久等":
            return _never()
        case "庐州慢答":
            threading.Event().wait(0.05)
    return Verdict.MATCH


def _records(credit_code: str) -> Sequence[CreditRecord]:
    """Return records by the serial in the code, or fail."""
    serial = credit_code[12:16]
    if serial == "0001":
        raise RuntimeError(f"no row of {credit_code}")
    if serial == "0004":
        return [{"title": "行政处罚"}]  # type: ignore[list-item]
    if serial == "0005":
        return "行政处罚"  # type: ignore[return-value]
    count = {"0002": 3_000, "0003": 60_000}.get(serial, 0)
    return [CreditRecord(RecordKind.HONOUR, "守信" * 20, "合肥市虚构局", date(2026, 1, 1))] * count


@hookimpl
def tongban_items(settings: PluginSettings) -> list[Item]:
    repairable = _item("REPAIRABLE", _fails_until(settings.home / "repaired"))
    return [repairable, *(_item(code, handler) for code, handler in HANDLERS.items())]


@hookimpl
def tongban_identity_source() -> IdentitySource:
    return _verify


@hookimpl
def tongban_credit_source() -> CreditSource:
    return _records
