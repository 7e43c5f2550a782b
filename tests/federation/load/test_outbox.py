"""What waits is counted from what is written."""

import pytest

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.load.outbox import Outbox
from tongban.federation.settings import Limits
from tongban.federation.store.rows import OutboxCount
from tongban.federation.store.units import Delete, Insert, Put, Unit


def message(peer: str = "a", attempt: int = 0, state: str = "queued") -> dict[str, object]:
    return {"message_id": "m", "peer": peer, "attempt": attempt, "state": state}


def test_messages_wait_until_they_are_delivered_or_refused_for_good() -> None:
    outbox = Outbox(Limits(outbox_messages=2))
    outbox.load([OutboxCount("a", "queued", 1), OutboxCount("a", "refused", 5), OutboxCount("b", "queued", 1)])
    outbox.stands(Unit(operations=(Insert("cases", {"peer": "a"}), Insert("outbox", message()))))
    assert (outbox.full("a"), outbox.full("b")) == (True, False)
    with pytest.raises(Refusal) as caught:
        outbox.check("a")
    assert caught.value.code is codes.OUTBOX_FULL
    outbox.stands(Unit(operations=(Put("outbox", message(attempt=1)),)))  # Tried, and to be tried again.
    assert outbox.full("a")
    outbox.stands(Unit(operations=(Put("outbox", message(attempt=2, state="refused")),)))
    assert not outbox.full("a")
    outbox.stands(Unit(operations=(Insert("outbox", message()),)))
    outbox.stands(Unit(operations=(Delete("outbox", {"message_id": "m"}),)))
    assert outbox.full("a")  # Whose it was is told by who delivered it.
    outbox.gone("a")
    assert not outbox.full("a")
    outbox.check("b")
