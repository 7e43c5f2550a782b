"""Cases through both clients, from the counter to the paper that ends them."""

import asyncio
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pytest

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import CaseMaterial, CorrectionItem, Event
from tongban.core import Accept, Approve, Correct, Party, Refusal, Refuse, Reject, codes
from tongban.core.client import MATERIAL_LIMIT

ITEM, PLACE = "00013112700402", "320681"
FIRM = Party("东海渔具有限公司", "91320681MA00000072", is_organisation=True)
AGENT = Party("沈复", "310151176312260010")


async def submit(window: Any, **given: Any) -> pb.SubmitCaseResponse:
    receipt = await window.ask("submit", ITEM, deciding_place=PLACE, applicant=FIRM, **given)
    assert isinstance(receipt, pb.SubmitCaseResponse)
    return receipt


async def test_a_case_carries_what_the_window_gave(window: Any, node: Any) -> None:
    verified = await window.ask("verify_organisation", FIRM.name, FIRM.number, purpose="办件")
    material = await window.ask("upload", b"content", code="resolution", name="resolution.pdf")
    receipt = await submit(
        window, agent=AGENT, form={"new_name": "东海"}, materials=[material], assertions=[verified.assertion]
    )
    [request] = node.submitted
    assert receipt.receipt.title == "收件告知单"
    assert (request.item_code, request.deciding_place, dict(request.form)) == (ITEM, PLACE, {"new_name": "东海"})
    assert (request.applicant.organisation.name, request.applicant.organisation.credit_code) == (FIRM.name, FIRM.number)
    assert (request.agent.name, request.agent.resident_id) == (AGENT.name, AGENT.number)
    assert list(request.materials) == [material]
    assert list(request.assertions) == [verified.assertion]


async def test_an_applicant_who_comes_alone_has_no_agent(window: Any, node: Any) -> None:
    await window.ask("submit", ITEM, deciding_place=PLACE, applicant=AGENT)
    assert not node.submitted[0].HasField("agent")
    assert node.submitted[0].applicant.person.name == AGENT.name


async def test_an_organisation_cannot_come_as_agent(window: Any, node: Any) -> None:
    with pytest.raises(Refusal) as caught:
        await submit(window, agent=FIRM)
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "agent")
    assert not node.calls


async def test_a_case_from_intake_to_paper(window: Any, node: Any) -> None:
    case_id = (await submit(window)).case_id
    assert (await window.ask("decide", case_id, Correct({"resolution": "请补交"}))).state == pb.CASE_STATE_CORRECTION
    material = await window.ask("upload", b"content", code="resolution", name="resolution.pdf")
    assert (await window.ask("supplement", case_id, materials=[material])).state == pb.CASE_STATE_ARRIVED
    await window.ask("decide", case_id, Accept())
    with pytest.raises(Refusal) as caught:
        await window.ask("result", case_id)
    assert caught.value.code is codes.RESULT_NOT_READY
    await window.ask("decide", case_id, Approve("准予"))
    assert (await window.ask("result", case_id)).content.decode() == "准予"
    case = await window.ask("case", case_id)
    assert (case.summary.state, len(case.events)) == (pb.CASE_STATE_APPROVED, 5)
    assert [one.case_id for one in await window.ask("cases", states=[pb.CASE_STATE_APPROVED])] == [case_id]
    assert await window.ask("cases", states=[pb.CASE_STATE_REJECTED]) == []


@pytest.mark.parametrize(
    ("decision", "sent"),
    [
        (Accept(), {"accept": pb.AcceptCase()}),
        (Approve("准予"), {"approve": pb.ApproveCase(text="准予")}),
        (Reject("不符"), {"reject": pb.RejectCase(reason="不符")}),
        (Refuse("无管辖权", "海门"), {"refuse": pb.RefuseCase(reason="无管辖权", right_authority="海门")}),
        (
            Correct({"a": "甲"}),
            {"request_correction": pb.RequestCorrection(items=[CorrectionItem(code="a", text="甲")])},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_decision_arrives_as_it_was_made(window: Any, node: Any, decision: Any, sent: Any) -> None:
    case_id = (await submit(window)).case_id
    await window.ask("decide", case_id, decision, request_id="once", officer="zhang.w")
    assert node.records[case_id].decisions == [pb.DecideCaseRequest(case_id=case_id, request_id="once", **sent)]


@pytest.mark.parametrize("kind", [Path, str])
async def test_a_material_goes_in_parts_and_comes_back_whole(window: Any, node: Any, tmp_path: Path, kind: Any) -> None:
    content = bytes(range(256)) * 2500
    (tmp_path / "决议.pdf").write_bytes(content)
    material = await window.ask("upload", kind(tmp_path / "决议.pdf"), code="resolution")
    digest = sha256(content).hexdigest()
    assert material == CaseMaterial(
        code="resolution", name="决议.pdf", digest=digest, size=640_000, media_type="application/pdf"
    )
    assert node.chunks == [256 << 10, 256 << 10, 640_000 - (512 << 10)]
    assert await window.ask("fetch_material", "case-1", digest) == content


async def test_a_material_that_came_back_altered_is_not_given_out(window: Any, node: Any) -> None:
    material = await window.ask("upload", b"content", code="resolution", name="a")
    assert material.media_type == "application/octet-stream"
    for altered in (b"CONTENT", b""):
        node.stored[material.digest] = altered
        with pytest.raises(Refusal) as caught:
            await window.ask("fetch_material", "case-1", material.digest)
        assert caught.value.code is codes.ANSWER_UNREADABLE


async def test_a_material_that_is_too_large_does_not_leave(window: Any, node: Any, tmp_path: Path) -> None:
    with (tmp_path / "scan.png").open("wb") as file:
        file.truncate(MATERIAL_LIMIT + 1)
    with pytest.raises(Refusal) as caught:
        await window.ask("upload", tmp_path / "scan.png", code="scan")
    assert (caught.value.code, caught.value.facts["limit"]) == (codes.TOO_LARGE, str(MATERIAL_LIMIT))
    assert not node.calls


CONTENT = bytes(range(256)) * 4000


async def test_an_upload_goes_on_where_the_node_has_come_to(window: Any, node: Any) -> None:
    node.stored[sha256(CONTENT).hexdigest()] = CONTENT[:500_000]
    told: list[tuple[int, int]] = []
    await window.ask("upload", BytesIO(CONTENT), code="scan", name="a", progress=lambda *come: told.append(come))
    assert node.offsets == [0, 500_000]
    assert told == [(500_000, len(CONTENT)), (len(CONTENT), len(CONTENT))]
    assert node.stored == {sha256(CONTENT).hexdigest(): CONTENT}


async def test_an_upload_outlasts_a_break(window: Any, node: Any) -> None:
    node.failures = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED]
    await window.ask("upload", CONTENT, code="scan", name="a")
    assert node.stored == {sha256(CONTENT).hexdigest(): CONTENT}
    assert len(node.chunks) == 4


async def test_an_upload_that_is_here_already_is_not_sent(window: Any, node: Any) -> None:
    node.stored[sha256(CONTENT).hexdigest()] = CONTENT
    await window.ask("upload", CONTENT, code="scan", name="a")
    assert node.chunks == []


async def test_an_upload_to_a_node_that_takes_nothing_ends(window: Any, node: Any) -> None:
    node.takes_uploads = False
    with pytest.raises(Refusal) as caught:
        await window.ask("upload", CONTENT, code="scan", name="a")
    assert caught.value.code is codes.ANSWER_UNREADABLE


async def test_a_download_is_there_when_it_is_whole(window: Any, node: Any, tmp_path: Path) -> None:
    digest, path = sha256(CONTENT).hexdigest(), tmp_path / "scan.png"
    node.stored[digest] = CONTENT
    node.failures = [grpc.StatusCode.UNAVAILABLE]
    await window.ask("download", "case-1", digest, str(path))
    assert path.read_bytes() == CONTENT
    assert not (tmp_path / "scan.png.part").exists()


async def test_a_download_goes_on_where_an_earlier_one_came_to(window: Any, node: Any, tmp_path: Path) -> None:
    digest, path = sha256(CONTENT).hexdigest(), tmp_path / "scan.png"
    node.stored[digest] = CONTENT
    (tmp_path / "scan.png.part").write_bytes(CONTENT[:1_000_000])
    told: list[tuple[int, int]] = []
    await window.ask("download", "case-1", digest, path, progress=lambda *come: told.append(come))
    assert told == [(len(CONTENT), len(CONTENT))]
    assert path.read_bytes() == CONTENT


async def test_a_download_that_went_on_from_other_bytes_is_thrown_away(window: Any, node: Any, tmp_path: Path) -> None:
    digest, path = sha256(CONTENT).hexdigest(), tmp_path / "scan.png"
    node.stored[digest] = CONTENT
    (tmp_path / "scan.png.part").write_bytes(b"other bytes")
    with pytest.raises(Refusal) as caught:
        await window.ask("download", "case-1", digest, path)
    assert caught.value.code is codes.ANSWER_UNREADABLE
    await window.ask("download", "case-1", digest, path)
    assert path.read_bytes() == CONTENT


async def test_a_download_to_where_nothing_can_be_written(window: Any, node: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        await window.ask("download", "case-1", "0" * 64, tmp_path / "nowhere" / "scan.png")
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "path")


async def test_a_source_that_cannot_be_used_is_named(window: Any, tmp_path: Path) -> None:
    for source, field in ((tmp_path / "nothing.pdf", "source"), (tmp_path, "source"), (b"content", "name")):
        with pytest.raises(Refusal) as caught:
            await window.ask("upload", source, code="scan")
        assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, field)


async def sequences(window: Any, case_id: str, **options: Any) -> list[int]:
    return [Event.FromString(update.event.event).sequence async for update in window.watch(case_id, **options)]


async def close_later(window: Any, case_id: str) -> None:
    await asyncio.sleep(0.1)
    await window.ask("decide", case_id, Accept())
    await asyncio.sleep(0.1)
    await window.ask("decide", case_id, Approve("准予"))


async def test_a_watcher_sees_events_as_they_come_until_the_case_is_closed(window: Any) -> None:
    case_id = (await submit(window)).case_id
    seen, _ = await asyncio.gather(sequences(window, case_id), close_later(window, case_id))
    assert seen == [1, 2, 3]
    assert await sequences(window, case_id, after=2) == [3]


async def test_a_watcher_goes_on_where_a_stream_was_cut(window: Any, node: Any) -> None:
    case_id = (await submit(window)).case_id
    await window.ask("decide", case_id, Accept())
    await window.ask("decide", case_id, Approve("准予"))
    node.streams_cut_after = [1, 1, 0]
    assert await sequences(window, case_id) == [1, 2, 3]
    assert len(node.called("WatchCase")) == 4


async def test_a_watcher_gives_up_when_nothing_comes(window: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tongban.core.client._channel.LONG_PAUSES", (0.1, 0.1))
    case_id = (await submit(window)).case_id
    node.streams_cut_after = [0, 0, 0]
    with pytest.raises(Refusal) as caught:
        await sequences(window, case_id)
    assert caught.value.code is codes.NODE_UNREACHABLE
    assert len(node.called("WatchCase")) == 3


async def test_a_quiet_case_is_watched_however_often_the_node_ends_the_stream(
    window: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tongban.core.client._watching.STEADY_SECONDS", 0.0)
    case_id = (await submit(window)).case_id
    await window.ask("decide", case_id, Approve("准予"))
    node.streams_cut_after = [0, 0, 0]
    assert await sequences(window, case_id) == [1, 2]


async def test_a_watcher_outlives_its_streams(window: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tongban.core.client._watching.STREAM_SECONDS", 0.2)
    case_id = (await submit(window)).case_id
    with pytest.raises(Refusal) as caught:
        await sequences(window, case_id, timeout=0.7)
    assert (caught.value.code, caught.value.facts["seconds"]) == (codes.DEADLINE, "0.7")
    assert len(node.called("WatchCase")) >= 3


async def test_watching_a_case_that_is_not_there_is_refused(window: Any) -> None:
    with pytest.raises(Refusal) as caught:
        await sequences(window, "case-9")
    assert (caught.value.code, caught.value.facts["number"]) == (codes.CASE_UNKNOWN, "case-9")


async def test_a_watcher_who_leaves_ends_the_stream(window: Any, node: Any) -> None:
    case_id = (await submit(window)).case_id
    updates = window.watch(case_id)
    await anext(updates)
    await updates.aclose()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if node.streams_left:
            break
    assert node.streams_left == 1
