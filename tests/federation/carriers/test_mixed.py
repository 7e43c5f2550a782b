"""One federation, three carriers: real nodes that reach each other by HTTP, by files and by gRPC."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, CASE_STATE_CORRECTION
from tongban.core import Party, Refusal, codes
from tongban.core.client import Client
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.testing.federation import Federation, eventually

from .real import by_folder, by_http

CHONGMING, QIDONG, HEFEI = "310151", "320681", "340100"
CREDIT = "/tongban.api.credit.v1.CreditService/QueryCredit"
ITEM = "00013112700402"
FIRM = Party("启东虚构渔具有限公司", synthetic_credit_code("320681", 31), is_organisation=True)

_REGISTER = f"""\
credit_code,kind,title,authority,recorded_on,shown_until,repaired
{FIRM.number},COMPLIANCE,按期公示年度报告,虚构市场监督管理局,2026-03-02,,0
"""

_HANDLING = """
[[node]]
member = "{member}"
name = "{name}"
files = ["items.toml", "credit.csv"]
[node.plugins.desk]
items = "items.toml"
[node.plugins.credit]
register = "credit.csv"
"""

_AGREEMENT = """
[[agreement]]
name = "{name}"
parties = ["{asking}", "{answering}"]
valid_days = 30
[[agreement.lookup]]
id = "credit"
asking = "{asking}"
answering = "{answering}"
method = "{method}"
purposes = ["办件核验"]
"""

_CASES = f"""
[[agreement.case]]
id = "company-change"
intake = "{CHONGMING}"
handling = "{{handling}}"
items = ["{ITEM}"]
mode = "proxy_intake"
"""


def _agreement(asking: str, answering: str) -> str:
    text = _AGREEMENT.format(name=f"of-{answering}", asking=asking, answering=answering, method=CREDIT)
    return text + (_CASES.format(handling=answering) if asking == CHONGMING else "")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return three running nodes: 崇明 and 启东 by HTTP, 崇明 and 合肥 by files, 启东 and 合肥 by gRPC."""
    folder = tmp_path_factory.mktemp("mixed")
    nodes = f'federation = "混合"\n[[node]]\nmember = "{CHONGMING}"\nname = "上海崇明"\n'
    nodes += _HANDLING.format(member=QIDONG, name="江苏启东") + _HANDLING.format(member=HEFEI, name="安徽合肥")
    pairs = ((CHONGMING, QIDONG), (CHONGMING, HEFEI), (QIDONG, HEFEI))
    (folder / "plan.toml").write_text(nodes + "".join(_agreement(*pair) for pair in pairs), encoding="utf-8")
    (folder / "credit.csv").write_text(_REGISTER, encoding="utf-8")
    items = files("tongban.plugins") / "desk/examples/company-registration.toml"
    (folder / "items.toml").write_text(items.read_text("utf-8"), encoding="utf-8")
    with Federation.lay_out(folder / "plan.toml", folder / "f") as laid_out:
        _choose(laid_out.places[CHONGMING].home.parent)
        yield laid_out.start()
        assert [node.stop() for node in laid_out.nodes.values()] == [0] * 3


def _choose(homes: Path) -> None:
    for member, peer in ((CHONGMING, QIDONG), (QIDONG, CHONGMING)):
        by_http(homes, member, peer)
    for member, peer in ((CHONGMING, HEFEI), (HEFEI, CHONGMING)):
        by_folder(homes, member, peer)


def _submitted(window: Client, place: str) -> str:
    form = {"new_address": "虚构路 7 号"}
    return window.submit(ITEM, deciding_place=place, applicant=FIRM, form=form).case_id


@pytest.mark.parametrize("place", [QIDONG, HEFEI])
def test_cases_take_the_way_of_their_peer(federation: Federation, place: str) -> None:
    with federation.window(CHONGMING) as clerk, federation.window(place) as officer:
        case_id = _submitted(clerk, place)
        eventually(lambda: clerk.case(case_id).summary.state in (CASE_STATE_ARRIVED, CASE_STATE_CORRECTION))
        eventually(lambda: clerk.case(case_id).events == officer.case(case_id).events)


@pytest.mark.parametrize(("asking", "answering"), [(CHONGMING, QIDONG), (QIDONG, HEFEI)])
def test_look_ups_take_the_way_of_their_peer(federation: Federation, asking: str, answering: str) -> None:
    with federation.window(asking) as window:
        assert eventually(lambda: window.query_credit(FIRM.number, to=answering, purpose="办件核验"))


def test_a_look_up_by_files_is_refused_at_once(federation: Federation) -> None:
    with federation.window(CHONGMING) as window, pytest.raises(Refusal) as caught:
        window.query_credit(FIRM.number, to=HEFEI, purpose="办件核验")
    assert caught.value.code is codes.CARRIER_SLOW


@pytest.mark.parametrize(
    ("member", "carriers"),
    [
        (CHONGMING, {QIDONG: "http", HEFEI: "folder"}),
        (QIDONG, {CHONGMING: "http", HEFEI: "grpc"}),
        (HEFEI, {CHONGMING: "folder", QIDONG: "grpc"}),
    ],
)
def test_the_status_names_the_carriers(federation: Federation, member: str, carriers: dict[str, str]) -> None:
    with federation.admin(member) as admin:
        peers = eventually(lambda: [one for one in admin.status().peers if one.linked and not one.problem])
        assert {peer.member: peer.carrier for peer in admin.status().peers} == carriers
        assert peers


def test_a_member_that_is_killed_comes_back_to_all(federation: Federation) -> None:
    federation.nodes[CHONGMING].kill()
    federation.nodes[CHONGMING].start()
    with federation.window(CHONGMING) as clerk:
        cases = [_submitted(clerk, place) for place in (QIDONG, HEFEI)]
        for case_id in cases:
            eventually(lambda case_id=case_id: len(clerk.case(case_id).events) > 1)  # type: ignore[misc]
