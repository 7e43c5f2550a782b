"""A node that is asked several times as much as it can answer: with its limits, and with them switched off."""

import asyncio
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import grpc
import pytest

from tongban.api.common.v1.common_pb2 import CallContext, Party, Person
from tongban.api.identity.v1.identity_pb2 import VERDICT_MATCH, VerifyIdentityRequest, VerifyIdentityResponse
from tongban.api.materials.v1.materials_pb2 import MaterialDescription, UploadMaterialRequest
from tongban.core import codes
from tongban.core.testing.federation import Federation, eventually

from .driving import Crowd
from .looking import refusal_of
from .people import APPLICANT, HEFEI, IDENTITY, PURPOSE
from .raw import RawWindow

CAPACITY = 160.0
"""Answers a second that the plugin can give: eight threads, each of which needs 50 ms."""

SLOW = VerifyIdentityRequest(party=Party(person=Person(name="庐州慢答", resident_id=APPLICANT.number)))

UPLOAD = "/tongban.api.materials.v1.MaterialService/UploadMaterial"
LIST_ITEMS = "/tongban.api.catalogue.v1.CatalogueService/ListItems"
DESCRIPTION = MaterialDescription(digest=sha256(b"").hexdigest(), size=10)

_PLAN = f"""\
federation = "通办测试"
[[node]]
member = "{HEFEI}"
name = "安徽合肥"
[node.plugins.bad]
"""

LIMITED = "\n[limits]\ncalls = 32\nwindow_calls = 32\nstreams = 2\nwindow_streams = 2\n"
UNLIMITED = "\n[limits]\ncalls = 1000000\nwindow_calls = 1000000\n"


def _running(folder: Path, plugins: dict[str, str], limits: str) -> Federation:
    (folder / "plan").mkdir()
    (folder / "plan" / "plan.toml").write_text(_PLAN, encoding="utf-8")
    laid_out = Federation.lay_out(folder / "plan" / "plan.toml", folder / "f", plugins)
    with (laid_out.places[HEFEI].home / "node.toml").open("a", encoding="utf-8") as settings:
        settings.write(limits)
    return laid_out.start()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, plugins: dict[str, str]) -> Iterator[Federation]:
    with _running(tmp_path_factory.mktemp("limited"), plugins, LIMITED) as federation:
        yield federation
        assert federation.nodes[HEFEI].stop() == 0


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory, plugins: dict[str, str]) -> Iterator[Federation]:
    with _running(tmp_path_factory.mktemp("unlimited"), plugins, UNLIMITED) as federation:
        yield federation


def _verified(answer: bytes) -> bool:
    return VerifyIdentityResponse.FromString(answer).verdict == VERDICT_MATCH


def crowd(federation: Federation, patience: float = 2.0) -> Crowd:
    context = CallContext(purpose=PURPOSE).SerializeToString()
    body = SLOW.SerializeToString()
    return Crowd(federation.places[HEFEI], federation.tokens[HEFEI], IDENTITY, body, context, _verified, patience)


def test_overload_is_turned_away_before_the_node_collapses(limited: Federation, unlimited: Federation) -> None:
    peak = asyncio.run(crowd(limited).drive(0.6 * CAPACITY, 2.0))
    shedding = asyncio.run(crowd(limited).drive(4 * CAPACITY, 4.0))
    without = asyncio.run(crowd(unlimited).drive(4 * CAPACITY, 4.0))
    told = f"below capacity: {peak}\nfour times: {shedding}\nwithout limits: {without}"
    assert set(shedding.refused) == {"OVERLOADED"}, told
    assert without.refused["late"] > len(without.latencies), told
    assert shedding.goodput > 0.6 * peak.goodput, told
    assert shedding.goodput > 1.2 * without.goodput, told
    assert shedding.percentile(0.5) < 0.7 * without.percentile(0.5), told
    with limited.admin(HEFEI) as admin:
        status = admin.status()
    answered = len(peak.latencies) + len(shedding.latencies)
    assert status.load.shed == shedding.refused["OVERLOADED"]
    assert answered <= status.evidence_size < answered + 20  # What was turned away left no record.


def test_streams_take_no_places_of_short_calls(limited: Federation) -> None:
    bearer, going = f"Bearer {limited.tokens[HEFEI]}", threading.Event()

    def parts() -> Iterator[bytes]:
        yield UploadMaterialRequest(description=DESCRIPTION).SerializeToString()
        going.wait(30.0)

    with RawWindow(limited.places[HEFEI]) as raw, limited.admin(HEFEI) as admin:
        upload: grpc.StreamUnaryMultiCallable[bytes, bytes] = raw.channel.stream_unary(UPLOAD)
        uploads = [upload.future(parts(), timeout=30.0, metadata=(("authorization", bearer),)) for _ in range(2)]
        eventually(lambda: admin.status().load.streams == 2)
        refusal = refusal_of(lambda: raw.stream(UPLOAD, [], bearer), codes.OVERLOADED)
        assert refusal.facts == {"limit": "streams", "most": "2"}
        assert 0.5 <= refusal.retry_seconds <= 1.5
        assert raw.ask(LIST_ITEMS, b"", token=bearer) is not None
        going.set()
        for one in uploads:
            one.exception(30.0)  # It has ended; what came of it is another matter.
        eventually(lambda: admin.status().load.streams == 0)
