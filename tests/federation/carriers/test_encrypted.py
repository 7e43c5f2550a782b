"""What can be read on the way between two members: nothing that is said, unless TLS reaches from node to node."""

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.core.times import wall_clock

from ..in_memory import calls
from ..in_memory.faults import Wiretap
from ..in_memory.laid_out import CHONGMING, FIRM, QIDONG, LaidOut
from .real import FOLDER, GRPC, HTTP, town_of


@pytest.mark.parametrize(("carrier", "readable"), [(GRPC, True), (HTTP, False), (FOLDER, False)])
async def test_bodies_are_encrypted_where_something_may_end_tls(
    laid_out: LaidOut, carrier: str, readable: bool
) -> None:
    async with town_of(laid_out, carrier, wall_clock) as town:
        await town.start(CHONGMING, QIDONG)
        tap = town.net.way = Wiretap()
        receipt = await calls.submit(town.window(CHONGMING))
        await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)
        sent = b"".join(frame.data for frame in tap.questions())
        assert b"DeliverAct" in sent
        assert (FIRM.name.encode() in sent) is readable
