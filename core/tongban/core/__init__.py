"""What a plugin author and a window need, and every rule that is pure.

This is the one import of a plugin: items, answers, sources, `hookimpl`. The window's client is `tongban.core.client`.
"""

from importlib import metadata

from tongban.core.errors import Refusal
from tongban.core.hooks import hookimpl
from tongban.core.items import (
    Accept,
    Answer,
    Approve,
    Case,
    Correct,
    DecidingFact,
    Field,
    Item,
    ItemType,
    LeaveToOfficer,
    Material,
    Party,
    Refuse,
    Reject,
    Required,
)
from tongban.core.plugin import Column, PluginSettings, SettingError
from tongban.core.services import Asked, Service, ServiceError, StatusCode
from tongban.core.sources import CreditRecord, RecordKind, SourceUnavailable, Verdict

__version__ = metadata.version("tongban")

__all__ = [
    "Accept",
    "Answer",
    "Approve",
    "Asked",
    "Case",
    "Column",
    "Correct",
    "CreditRecord",
    "DecidingFact",
    "Field",
    "Item",
    "ItemType",
    "LeaveToOfficer",
    "Material",
    "Party",
    "PluginSettings",
    "RecordKind",
    "Refusal",
    "Refuse",
    "Reject",
    "Required",
    "Service",
    "ServiceError",
    "SettingError",
    "SourceUnavailable",
    "StatusCode",
    "Verdict",
    "__version__",
    "hookimpl",
]
