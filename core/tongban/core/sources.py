"""Sources 数据源 that a plugin brings: registers of its member that answer look-ups."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from tongban.core.items import Party


class Verdict(Enum):
    """What an identity source says. That a source did not answer is no verdict: it raises `SourceUnavailable`."""

    MATCH = "MATCH"
    """一致"""
    MISMATCH = "MISMATCH"
    """不一致"""
    NOT_FOUND = "NOT_FOUND"
    """查无"""


class RecordKind(Enum):
    """What may be recorded: the thirteen kinds of 全国公共信用信息基础目录 (2024), by name."""

    REGISTRATION = "REGISTRATION"
    JUDICIAL = "JUDICIAL"
    ADMINISTRATIVE = "ADMINISTRATIVE"
    PROFESSIONAL = "PROFESSIONAL"
    ABNORMAL_OPERATION = "ABNORMAL_OPERATION"
    SERIOUS_DISHONESTY = "SERIOUS_DISHONESTY"
    CONTRACT = "CONTRACT"
    COMMITMENT = "COMMITMENT"
    EVALUATION = "EVALUATION"
    COMPLIANCE = "COMPLIANCE"
    HONOUR = "HONOUR"
    INTELLECTUAL_PROPERTY = "INTELLECTUAL_PROPERTY"
    VOLUNTARY = "VOLUNTARY"


@dataclass(frozen=True, slots=True)
class CreditRecord:
    """One credit record of an organisation."""

    kind: RecordKind
    title: str
    authority: str
    """Body that recorded it 认定单位."""
    recorded_on: date
    shown_until: date | None = None
    """Last day on which it may be shown and used."""
    repaired: bool = False
    """Repaired 已修复: it is neither shown nor used any more (发改委令第36号)."""


class SourceUnavailable(Exception):
    """The source did not answer 未取得. It is never taken for a negative."""


IdentitySource = Callable[[Party], Verdict | Awaitable[Verdict]]
"""Compares a party with the register. Plain or ``async``; raises `SourceUnavailable`."""

CreditSource = Callable[[str], Sequence[CreditRecord] | Awaitable[Sequence[CreditRecord]]]
"""Returns all records of a credit code. Plain or ``async``; raises `SourceUnavailable`."""
