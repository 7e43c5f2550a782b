"""What a peer refuses with: free text of any length stands in no log and breaks no call of a window."""

import pytest
from google.rpc.status_pb2 import Status

from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.core import codes
from tongban.core.errors import MOST_STATUS, size_of_status, status_of

from . import calls
from .laid_out import CHONGMING, QIDONG
from .outcomes import refused
from .peers import Liar
from .town import Town

ENDLESS = "X" * 1_000_000

DETAILS: dict[str, ErrorDetail] = {
    "code": ErrorDetail(code=ENDLESS, message="m"),
    "member": ErrorDetail(code="PEER_BUSY", member=ENDLESS),
    "reference": ErrorDetail(code="INTERNAL", reference=ENDLESS),
    "row": ErrorDetail(code="NO_AGREEMENT_ROW", facts={"row": ENDLESS}),
    "a fact's name": ErrorDetail(code="NO_AGREEMENT_ROW", facts={ENDLESS: "row"}),
    "a code in words": ErrorDetail(code="ask Mr Wang of the office"),
}


@pytest.mark.parametrize("detail", DETAILS.values(), ids=DETAILS)
async def test_what_no_node_refuses_with_is_not_believed(town: Town, detail: ErrorDetail) -> None:
    status = Status(code=5, message="no")
    status.details.add().Pack(detail)
    asking = town.nodes[CHONGMING].resources.asking
    asking.carrier = Liar(asking, town.nodes[QIDONG].resources.signer, status.SerializeToString(), {"status": 5})
    with refused(codes.MESSAGE_ALTERED) as caught:
        await calls.query(town.asker())
    assert caught.value.facts["member"] == QIDONG
    assert size_of_status(status_of(caught.value)) < MOST_STATUS
    records = [one for one in await town.evidence(CHONGMING) if one.error_code]
    assert records[-1].error_code == "MESSAGE_ALTERED"
    assert max(one.ByteSize() for one in records) < 2_000
