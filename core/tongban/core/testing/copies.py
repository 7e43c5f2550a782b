"""Changed copies of messages, and the places in their fields where values are."""

from collections.abc import Iterator
from typing import Any, TypeAlias, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tongban.core.rules.contract import is_map
from tongban.core.rules.paths import entry

M = TypeVar("M", bound=Message)

Place: TypeAlias = int | str | None
"""Where in a field a value is: the index in a list, the key in a map, None in a field of one value."""


def places(message: Message, field: FieldDescriptor) -> list[tuple[Place, Any]]:
    """Return the values of a field with their places; none for an absent message, the default for another field."""
    held = getattr(message, field.name)
    if is_map(field):
        return list(held.items())
    if field.is_repeated:
        return list(enumerate(held))
    absent = field.message_type is not None and not message.HasField(field.name)
    return [] if absent else [(None, held)]


def path_of(field: FieldDescriptor, place: Place) -> str:
    """Return the path of a value from the message that has the field."""
    return field.name if place is None else entry(field.name, place)


def without_choice(message: M, oneof: str) -> M:
    """Return a copy in which no member of the oneof is set."""
    copy = _copy(message)
    if chosen := copy.WhichOneof(oneof):
        copy.ClearField(chosen)
    return copy


def without(message: M, field: FieldDescriptor) -> M:
    """Return a copy in which the field is not set."""
    copy = _copy(message)
    copy.ClearField(field.name)
    return copy


def emptied(message: M, field: FieldDescriptor) -> M:
    """Return a copy in which the field is empty; a member of a oneof stays the one that is chosen."""
    if field.containing_oneof is None or field.message_type is not None:
        return without(message, field)
    return with_value(message, field, None, field.default_value)


def with_value(message: M, field: FieldDescriptor, place: Place, value: Any) -> M:
    """Return a copy with another value at this place, which in a map may be new."""
    copy = _copy(message)
    held = getattr(copy, field.name)
    if place is not None:
        _put(held, place, value)
    elif isinstance(value, Message):
        held.CopyFrom(value)
    else:
        setattr(copy, field.name, value)
    return copy


def with_count(message: M, field: FieldDescriptor, count: int) -> Iterator[M]:
    """Yield a copy in which the field has this many entries, all like its first; nothing if it has no entry."""
    for place, value in places(message, field)[:1]:
        copy = without(message, field)
        entries = getattr(copy, field.name)
        if is_map(field):
            for number in range(count):
                _put(entries, number if isinstance(place, int) else str(number), value)
        else:
            entries.extend([value] * count)
        yield copy


def _put(held: Any, place: Place, value: Any) -> None:
    if isinstance(value, Message):
        held[place].CopyFrom(value)
    else:
        held[place] = value


def _copy(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
