"""All broken rules of a row at once, where `validate` tells the first."""

from collections.abc import Iterator

from google.protobuf.message import Message

from tongban.api.catalogue.v1.catalogue_pb2 import MODE_ONLINE
from tongban.api.documents.v1.documents_pb2 import Agreement, CaseRow, LookupRow
from tongban.core.errors import Refusal
from tongban.core.rules import validate

_GOOD: tuple[Message, ...] = (
    LookupRow(id="1", asking="110000", answering="120000", method="/a.B/C", purposes=["1"]),
    CaseRow(id="1", intake="110000", handling="120000", items=["1"], mode=MODE_ONLINE),
    Agreement(name="1", parties=["110000", "120000"]),
)
"""Messages that keep every rule; a field that breaks one is exchanged for theirs, so that the next is found."""


def broken_rules(message: Message, place: str) -> Iterator[str]:
    """Yield a line for each field of a message that breaks a rule of its contract."""
    mended = type(message)()
    mended.CopyFrom(message)
    while refusal := _refusal(mended):
        yield f"{place}{refusal.field}: {refusal.rule}; correct it"
        _mend(mended, refusal.field.partition("[")[0])


def _refusal(message: Message) -> Refusal | None:
    try:
        validate(message)
    except Refusal as refusal:
        return refusal
    return None


def _mend(message: Message, field: str) -> None:
    good = next(one for one in _GOOD if isinstance(one, type(message)))
    message.ClearField(field)
    message.MergeFrom(type(message)(**{field: getattr(good, field)}))
