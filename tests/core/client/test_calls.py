"""What every call of both clients has in common: what it carries, how long it takes, and how it fails."""

import inspect
import time
from pathlib import Path
from typing import Any, get_type_hints

import grpc
import pytest

import tongban.core.client
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.api.identity.v1.identity_pb2 import Assertion
from tongban.core import Party, Refusal, Verdict, codes
from tongban.core.client import AsyncClient, Client, Context
from tongban.core.errors import status_of

PERSON, FIRM = ("沈复", "310151176312260010"), ("东海渔具有限公司", "91320681MA00000072")
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def context_of(call: dict[str, Any]) -> CallContext:
    return CallContext.FromString(call["tongban-context-bin"])


async def test_items_are_found_and_shown(window: Any) -> None:
    [found] = await window.ask("find_items", "变更")
    assert found == await window.ask("get_item", found.member, found.item.code)
    assert await window.ask("find_items", member="330100") == []


async def test_token_and_context_travel_with_each_call(window: Any, node: Any) -> None:
    window.dial(token=" a-token\n", context=Context(purpose="办件", officer="zhang.w"))
    await window.ask("find_items")
    await window.ask(
        "query_credit", FIRM[1], to="330100", legal_basis="条例", case_id="c", consent_id="s", purpose="核"
    )
    first, second = node.called("ListItems")[0], node.called("QueryCredit")[0]
    assert first["authorization"] == "Bearer a-token"
    assert context_of(first) == CallContext(purpose="办件", officer="zhang.w")
    assert context_of(second) == CallContext(
        to="330100", purpose="核", legal_basis="条例", case_id="c", consent_id="s", officer="zhang.w"
    )


@pytest.mark.parametrize("token", ["", " \n", "令牌", "a\nb"])
async def test_a_token_that_cannot_be_sent_is_named(window: Any, token: str) -> None:
    with pytest.raises(Refusal) as caught:
        window.dial(token=token)
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "token")


async def test_an_identity_is_a_verdict_and_a_signed_assertion(window: Any, node: Any) -> None:
    person = await window.ask("verify_person", *PERSON, purpose="办件")
    assert person.verdict is Verdict.MATCH
    assert Assertion.FromString(person.assertion.assertion).party_digest
    assert (await window.ask("verify_organisation", *FIRM)).verdict is Verdict.MATCH
    assert (await window.ask("verify_person", "陈芸", PERSON[1])).verdict is Verdict.MISMATCH
    assert (await window.ask("verify_person", *FIRM)).verdict is Verdict.MATCH
    assert (await window.ask("verify_person", "陈芸", "310151190001010015")).verdict is Verdict.NOT_FOUND
    node.sources_answer = False
    assert (await window.ask("verify_person", *PERSON)).verdict is None


async def test_a_refusal_of_the_node_is_the_refusal_of_the_library(window: Any) -> None:
    with pytest.raises(Refusal) as caught:
        await window.ask("get_item", "320681", "1")
    refusal = caught.value
    assert (refusal.code, refusal.facts, refusal.member) == (codes.ITEM_UNKNOWN, {"item": "1"}, "310151")
    assert refusal.message_zh == "没有成员发布编码为 1 的事项。"
    with pytest.raises(Refusal) as caught:
        await window.ask("query_credit", FIRM[1])
    assert caught.value.code is codes.PURPOSE_MISSING


async def test_a_command_is_repeated_under_its_id_and_done_once(window: Any, node: Any) -> None:
    node.failures = [UNAVAILABLE, UNAVAILABLE]
    receipt = await window.ask("submit", "item", deciding_place="320681", applicant=Party(*PERSON))
    assert len(node.called("SubmitCase")) == 3
    assert [request.request_id for request in node.submitted] == list(node.receipts)
    assert list(node.records) == [receipt.case_id]


async def test_an_id_of_the_windows_own_makes_a_command_repeatable(window: Any, node: Any) -> None:
    case = {"deciding_place": "320681", "applicant": Party(*PERSON), "request_id": "hall-1.7"}
    first = await window.ask("submit", "item", **case)
    assert first == await window.ask("submit", "item", **case)
    with pytest.raises(Refusal) as caught:
        await window.ask("submit", "other", **case)
    assert (caught.value.code, caught.value.facts["id"]) == (codes.REQUEST_REUSED, "hall-1.7")


async def test_a_node_that_stays_away_is_asked_three_times(window: Any, node: Any) -> None:
    node.failures = [UNAVAILABLE] * 4
    with pytest.raises(Refusal) as caught:
        await window.ask("submit", "item", deciding_place="320681", applicant=Party(*PERSON))
    assert len(node.called("SubmitCase")) == 3
    assert caught.value.code is codes.NODE_UNREACHABLE
    assert [caught.value.facts["request_id"]] == list(node.receipts)


@pytest.mark.parametrize("status", [grpc.StatusCode.ABORTED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL])
async def test_nothing_but_an_absent_node_is_asked_again(window: Any, node: Any, status: grpc.StatusCode) -> None:
    node.failures = [status]
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    assert (caught.value.code, len(node.calls)) == (codes.ANSWER_UNREADABLE, 1)
    assert f"{status.name} in trouble" in caught.value.message


async def test_details_that_are_no_status_are_an_answer_of_no_node(window: Any, node: Any) -> None:
    node.failures, node.trailers = [grpc.StatusCode.ABORTED], (("grpc-status-details-bin", b"\xff"),)
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    assert caught.value.code is codes.ANSWER_UNREADABLE


async def test_a_node_that_has_too_much_to_do_is_asked_again_when_it_says(window: Any, node: Any) -> None:
    node.failures, node.trailers = [UNAVAILABLE], overloaded(0.7)
    begun = time.monotonic()
    assert await window.ask("find_items")
    assert (len(node.called("ListItems")), time.monotonic() - begun >= 0.7) == (2, True)
    node.failures, node.trailers = [UNAVAILABLE], overloaded(60.0)
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items", timeout=10.0)
    assert (caught.value.code, len(node.called("ListItems"))) == (codes.OVERLOADED, 3)


def overloaded(seconds: float) -> tuple[tuple[str, bytes], ...]:
    """Return the trailers of a node that wants to be asked again after these seconds."""
    told = status_of(Refusal(codes.OVERLOADED, retry_seconds=seconds)).SerializeToString()
    return (("grpc-status-details-bin", told),)


async def test_no_attempt_is_made_beyond_the_time(window: Any, node: Any) -> None:
    await window.ask("find_items")
    node.failures = [UNAVAILABLE]
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items", timeout=0.3)
    assert (caught.value.code, len(node.calls)) == (codes.NODE_UNREACHABLE, 2)


async def test_the_node_knows_how_long_the_caller_waits(window: Any, node: Any) -> None:
    await window.ask("find_items")
    await window.ask("find_items", timeout=3)
    window.dial(timeout=5)
    await window.ask("find_items")
    for allowed, left in zip((10, 3, 5), node.seconds_left, strict=True):
        assert allowed - 2 < left < allowed + 0.5


async def test_a_slow_answer_is_told_with_the_time_allowed(window: Any, node: Any) -> None:
    node.delay = 5
    started = time.monotonic()
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items", timeout=0.3)
    assert time.monotonic() - started < 2
    assert (caught.value.code, caught.value.facts) == (codes.DEADLINE, {"seconds": "0.3"})


async def test_a_port_without_node_is_told_with_its_address(window: Any) -> None:
    window.dial(endpoint="127.0.0.1:1", timeout=1)
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    assert (caught.value.code, caught.value.facts["endpoint"]) == (codes.NODE_UNREACHABLE, "127.0.0.1:1")
    assert caught.value.code.retryable


async def test_a_server_that_is_no_node_is_told_as_such(window: Any, certificate: Any) -> None:
    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", certificate.server)
    await server.start()
    window.dial(endpoint=f"127.0.0.1:{port}")
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    await window.close()
    await server.stop(None)
    assert caught.value.code is codes.ANSWER_UNREADABLE
    assert "UNIMPLEMENTED" in caught.value.message


async def test_another_certificate_is_not_believed(window: Any, node: Any, make: Any, tmp_path: Path) -> None:
    for ca in (make(tmp_path / "other.crt", "node.310151.tongban").path, None):
        window.dial(ca=ca, server_name="node.310151.tongban", timeout=1)
        with pytest.raises(Refusal) as caught:
            await window.ask("find_items")
        assert caught.value.code is codes.NODE_UNREACHABLE
        assert "CERTIFICATE" in caught.value.message
    assert not node.calls


async def test_another_name_is_not_believed(window: Any, node: Any) -> None:
    window.dial(server_name="node.330100.tongban", timeout=1)
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    assert caught.value.code is codes.NODE_UNREACHABLE
    assert not node.calls


async def test_an_authority_vouches_for_a_node_by_name(window: Any, make: Any, tmp_path: Path) -> None:
    authority = make(tmp_path / "authority.crt", "authority", dns=False)
    server = grpc.aio.server()
    own = make(tmp_path / "node.crt", "node.330100.tongban", issuer=authority)
    port = server.add_secure_port("127.0.0.1:0", own.server)
    await server.start()
    told = []
    for name in ("node.330100.tongban", None):
        window.dial(endpoint=f"127.0.0.1:{port}", ca=authority.path, server_name=name, timeout=1)
        with pytest.raises(Refusal) as caught:
            await window.ask("find_items")
        told.append(caught.value.code)
    await window.close()
    await server.stop(None)
    assert told == [codes.ANSWER_UNREADABLE, codes.NODE_UNREACHABLE]


async def test_a_bundle_names_no_node(window: Any, certificate: Any, make: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    other = make(tmp_path / "other.crt", "node.330100.tongban").path
    bundle.write_bytes(other.read_bytes() + certificate.path.read_bytes())
    window.dial(ca=bundle, server_name="node.310151.tongban")
    assert await window.ask("find_items")
    window.dial(ca=str(bundle), timeout=1)
    with pytest.raises(Refusal) as caught:
        await window.ask("find_items")
    assert caught.value.code is codes.NODE_UNREACHABLE


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_file_that_is_no_certificate_is_named(window: Any, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_bytes(content)
    with pytest.raises(Refusal) as caught:
        window.dial(ca=path)
    assert (caught.value.code, caught.value.field) == (codes.INVALID_FIELD, "ca")


async def test_documents_are_listed_and_fetched(window: Any, node: Any) -> None:
    node.held["d1"] = SignedDocument(document=b"directory")
    assert [head.digest for head in await window.ask("documents")] == ["d1"]
    assert await window.ask("fetch_document", "d1") == node.held["d1"]
    with pytest.raises(Refusal) as caught:
        await window.ask("fetch_document", "d2")
    assert caught.value.code is codes.DOCUMENT_UNKNOWN


def public(client: type) -> dict[str, Any]:
    return {name: member for name, member in vars(client).items() if not name.startswith("_")}


def test_both_clients_offer_the_same() -> None:
    sync, other = public(Client), public(AsyncClient)
    assert list(sync) == list(other)
    for name, method in [("__init__", Client.__init__), *sync.items()]:
        twin = getattr(AsyncClient, name)
        assert inspect.signature(method).parameters == inspect.signature(twin).parameters, name
        assert str(get_type_hints(twin)["return"]).removeprefix("collections.abc.Async") == str(
            get_type_hints(method)["return"]
        ).removeprefix("collections.abc."), name
        assert (inspect.getdoc(method) or name).startswith(inspect.getdoc(twin) or "undocumented"), name


def test_the_shop_window_is_in_order() -> None:
    names = tongban.core.client.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(tongban.core.client, name) for name in names)
