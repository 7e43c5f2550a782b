"""One contract for all carriers: what happens between two members has the same outcome on each of them."""

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED

from ..in_memory import calls
from ..in_memory.laid_out import CHONGMING, QIDONG
from ..in_memory.town import Town


async def test_a_case_arrives(town: Town) -> None:
    receipt = await calls.submit(town.window(CHONGMING))
    await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)
