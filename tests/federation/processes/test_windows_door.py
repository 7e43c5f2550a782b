"""The windows door: strangers, bytes that are no message, and more bytes than a node takes."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import grpc
import pytest

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.materials.v1.materials_pb2 import MaterialDescription, UploadMaterialRequest
from tongban.core import codes
from tongban.core.client import MATERIAL_LIMIT, Client
from tongban.core.codes import Code
from tongban.core.testing.federation import Federation

from .looking import Log, nothing_done, refusal_of
from .people import AGENT, CHONGMING, FIRM, IDENTITY, ITEM, QIDONG
from .raw import RawWindow

SUBMIT = "/tongban.api.cases.v1.CaseService/SubmitCase"
UPLOAD = "/tongban.api.materials.v1.MaterialService/UploadMaterial"
LIST_ITEMS = "/tongban.api.catalogue.v1.CatalogueService/ListItems"

CONTENT = b"a material"
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _nothing_done(federation: Federation) -> Iterator[None]:
    with nothing_done(federation, CHONGMING, QIDONG):
        yield


@pytest.fixture
def raw(federation: Federation) -> Iterator[RawWindow]:
    with RawWindow(federation.places[CHONGMING]) as window:
        yield window


@pytest.fixture
def bearer(federation: Federation) -> str:
    return f"Bearer {federation.tokens[CHONGMING]}"


class TestAStranger:
    @pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic aGFsbC0xOng="])
    @pytest.mark.parametrize("method", [SUBMIT, LIST_ITEMS])
    def test_is_told_how_to_show_a_token(self, raw: RawWindow, token: str | None, method: str) -> None:
        refusal = refusal_of(lambda: raw.ask(method, b"", token=token), codes.WINDOW_UNKNOWN)
        assert "tongban window add" in refusal.remedy

    def test_with_the_token_of_another_node_is_one(self, federation: Federation, raw: RawWindow) -> None:
        token = f"Bearer {federation.tokens[QIDONG]}"
        refusal_of(lambda: raw.ask(LIST_ITEMS, b"", token=token), codes.WINDOW_UNKNOWN)

    def test_without_tls_gets_nowhere(self, federation: Federation) -> None:
        with grpc.insecure_channel(federation.places[CHONGMING].windows) as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(LIST_ITEMS)
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=2.0)
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_is_not_served_what_other_doors_serve(self, raw: RawWindow, bearer: str) -> None:
        for method in (
            "/tongban.api.admin.v1.AdminService/AddWindow",
            "/tongban.api.exchange.v1.CaseExchangeService/DeliverAct",
        ):
            refusal_of(lambda method=method: raw.ask(method, b"", token=bearer), codes.METHOD_UNKNOWN)  # type: ignore[misc]


class TestBytesThatAreNoMessage:
    BAD = (b"\xff" * 20, b"\x0a\x05ab", b"\x12\x02\xc3\x28")

    @pytest.mark.parametrize("body", BAD, ids=["no field", "cut off", "no UTF-8"])
    def test_in_a_request(self, federation: Federation, raw: RawWindow, bearer: str, body: bytes) -> None:
        log = Log(federation, CHONGMING)
        context = CallContext(officer="zhang.w").SerializeToString()
        refusal = refusal_of(lambda: raw.ask(SUBMIT, body, token=bearer, context=context), codes.MALFORMED)
        assert "SubmitCaseRequest" in refusal.message
        assert log.codes("SubmitCase") == ["MALFORMED"]

    @pytest.mark.parametrize("context", BAD, ids=["no field", "cut off", "no UTF-8"])
    def test_in_the_context(self, raw: RawWindow, bearer: str, context: bytes) -> None:
        refusal = refusal_of(lambda: raw.ask(IDENTITY, b"", token=bearer, context=context), codes.MALFORMED)
        assert (refusal.field, "CallContext" in refusal.message) == ("context", True)

    def test_a_context_that_breaks_a_rule(self, raw: RawWindow, bearer: str) -> None:
        context = CallContext(to="启东").SerializeToString()
        refusal = refusal_of(lambda: raw.ask(IDENTITY, b"", token=bearer, context=context), codes.INVALID_FIELD)
        assert refusal.field == "context.to"

    def test_in_an_upload(self, raw: RawWindow, bearer: str) -> None:
        metadata = (("authorization", bearer),)
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = raw.channel.stream_unary(UPLOAD)
        with pytest.raises(grpc.RpcError) as caught:
            call(iter([b"\xff\xff"]), timeout=5.0, metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestTooMany:
    def test_bytes_in_a_message_are_refused_before_they_leave(self, federation: Federation, clerk: Client) -> None:
        log = Log(federation, CHONGMING)
        refusal = refusal_of(
            lambda: clerk.submit(ITEM, deciding_place="320681", applicant=FIRM, form={"new_address": "x" * (4 << 20)}),
            codes.TOO_LARGE,
        )
        assert refusal.facts["limit"] == str(4 << 20)
        assert log.codes() == []

    def test_bytes_in_a_message_are_refused_by_the_door(self, raw: RawWindow, bearer: str, clerk: Client) -> None:
        refusal = refusal_of(lambda: raw.ask(SUBMIT, bytes((4 << 20) + 1), token=bearer), codes.TOO_LARGE)
        assert refusal.facts["limit"] == str(4 << 20)
        assert clerk.find_items("公司变更登记注册")

    def test_bytes_of_metadata_leave_the_node_in_service(self, raw: RawWindow, bearer: str, clerk: Client) -> None:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = raw.channel.unary_unary(LIST_ITEMS)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=5.0, metadata=(("authorization", bearer), ("tongban-context-bin", bytes(40_000))))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert clerk.find_items("公司变更登记注册")


class TestAMaterial:
    def test_that_is_too_large_does_not_leave(self, clerk: Client, tmp_path: Path) -> None:
        large = tmp_path / "a.bin"
        with large.open("wb") as file:
            file.truncate(MATERIAL_LIMIT + 1)
        refusal = refusal_of(lambda: clerk.upload(large, code="application"), codes.TOO_LARGE)
        assert refusal.facts["limit"] == str(MATERIAL_LIMIT)

    @pytest.mark.parametrize(
        ("description", "data", "code"),
        [
            (MaterialDescription(digest=DIGEST, size=MATERIAL_LIMIT + 1), [], codes.INVALID_FIELD),
            (MaterialDescription(digest=DIGEST, size=4), [CONTENT], codes.MATERIAL_WRONG),
            (MaterialDescription(digest=sha256(b"other").hexdigest(), size=10), [CONTENT], codes.MATERIAL_WRONG),
            (MaterialDescription(digest=DIGEST.upper(), size=10), [CONTENT], codes.INVALID_FIELD),
            (MaterialDescription(digest=DIGEST, size=2 << 20), [bytes(2 << 20)], codes.INVALID_FIELD),
            (None, [CONTENT], codes.MATERIAL_WRONG),
            (None, [], codes.MATERIAL_WRONG),
        ],
        ids=["size", "longer", "other digest", "form of digest", "part", "undescribed", "nothing"],
    )
    def test_that_is_not_what_it_says_is_not_kept(
        self, raw: RawWindow, bearer: str, description: MaterialDescription | None, data: list[bytes], code: Code
    ) -> None:
        parts = [UploadMaterialRequest(description=description)] if description else []
        parts += [UploadMaterialRequest(data=part) for part in data]
        refusal_of(lambda: raw.stream(UPLOAD, parts, bearer), code)

    def test_that_was_not_uploaded_is_not_part_of_a_case(self, clerk: Client) -> None:
        missing = CaseMaterial(code="application", name="a", digest=sha256(b"?").hexdigest(), size=1, media_type="a/b")
        refusal = refusal_of(
            lambda: clerk.submit(
                ITEM,
                deciding_place="320681",
                applicant=FIRM,
                agent=AGENT,
                form={"new_address": "启东市"},
                materials=[missing],
            ),
            codes.MATERIAL_UNKNOWN,
        )
        assert refusal.field == "materials[0].digest"

    def test_that_breaks_off_is_no_material(self, raw: RawWindow, bearer: str) -> None:
        description = UploadMaterialRequest(description=MaterialDescription(digest=DIGEST, size=10))

        def requests() -> Iterator[bytes]:
            yield description.SerializeToString()
            raise ConnectionError("the window is gone")

        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = raw.channel.stream_unary(UPLOAD)
        with pytest.raises(grpc.RpcError):
            call(requests(), timeout=5.0, metadata=(("authorization", bearer),))


def test_unknown_fields_of_a_newer_contract_are_no_error(raw: RawWindow, bearer: str) -> None:
    newer = b"\xa2\x06\x03new"  # field 100
    assert raw.ask(LIST_ITEMS, newer, token=bearer)
