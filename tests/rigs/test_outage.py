"""What a long outage leaves waiting goes on when the node is back, not when a pause is over."""

import time
from pathlib import Path

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, CASE_STATE_CORRECTION
from tongban.core.testing.federation import Federation, eventually

from . import plan
from .plan import AGENT, FIRM, HANDLING, INTAKE, ITEM

DOWN_SECONDS = 8.0
"""By then the handling node has asked for the material five times, and would not ask again for seven seconds."""


@pytest.mark.slow
def test_a_case_whose_materials_could_not_be_fetched_goes_on(tmp_path: Path) -> None:
    with Federation.lay_out(plan.write(tmp_path / "plan"), tmp_path / "f") as federation:
        federation.start()
        with federation.window(HANDLING) as officer:
            case_id = _taken_in(federation)
            eventually(lambda: officer.case(case_id).summary.state == CASE_STATE_ARRIVED, pause=0.001)
            federation.nodes[INTAKE].kill()
            time.sleep(DOWN_SECONDS)
            assert officer.case(case_id).summary.state == CASE_STATE_ARRIVED
            federation.nodes[INTAKE].start()
            eventually(lambda: officer.case(case_id).summary.state == CASE_STATE_CORRECTION, seconds=4.0)


def _taken_in(federation: Federation) -> str:
    with federation.window(INTAKE) as clerk:
        material = clerk.upload(bytes(4_000_000), code="application", name="变更登记申请书")
        form = {"new_address": "启东市虚构路 1 号"}
        receipt = clerk.submit(
            ITEM, deciding_place=HANDLING, applicant=FIRM, agent=AGENT, form=form, materials=[material]
        )
    return receipt.case_id
