"""Windows come and go: what is registered may call, what was taken back may not, whatever happens to the node."""

from datetime import timedelta

from tongban.api.admin.v1 import admin_pb2 as admin
from tongban.core import codes
from tongban.core.times import from_micros, moment
from tongban.federation.calls import Door
from tongban.federation.transport.memory import MemoryClient

from . import calls
from .laid_out import CHONGMING
from .outcomes import refused
from .town import Town

WINDOW = "hall-2"


def _window(town: Town, token: str) -> MemoryClient:
    return MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, token, town.asker().context)


async def _add(town: Town) -> str:
    request = admin.AddWindowRequest(window_id=WINDOW, name="大厅二号窗口", roles=[admin.WINDOW_ROLE_LOOKUP])
    return (await town.admin(CHONGMING).call(f"{calls.ADMIN}/AddWindow", request, admin.AddWindowResponse)).token


async def _revoke(town: Town, window: str = WINDOW) -> admin.RevokeWindowResponse:
    request = admin.RevokeWindowRequest(window_id=window)
    return await town.admin(CHONGMING).call(f"{calls.ADMIN}/RevokeWindow", request, admin.RevokeWindowResponse)


async def _windows(town: Town) -> set[str]:
    request, answer = admin.ListWindowsRequest(), admin.ListWindowsResponse
    listed = await town.admin(CHONGMING).call(f"{calls.ADMIN}/ListWindows", request, answer)
    return {one.window_id for one in listed.windows}


async def test_a_token_that_was_taken_back_is_a_stranger_s_and_stays_so(town: Town) -> None:
    token = await _add(town)
    await calls.query(_window(town, token))
    await _revoke(town)
    with refused(codes.WINDOW_UNKNOWN):
        await calls.query(_window(town, token))
    assert await _windows(town) == {"hall-1"}
    await town.stop(CHONGMING)
    await town.start(CHONGMING)
    with refused(codes.WINDOW_UNKNOWN):
        await calls.query(_window(town, token))
    await calls.query(town.asker())  # Others are not concerned.


async def test_taking_back_twice_says_since_when(town: Town) -> None:
    await _add(town)
    first = await _revoke(town)
    town.clocks[CHONGMING].turn(timedelta(minutes=1))
    assert await _revoke(town) == first
    [row] = [one for one in await town.nodes[CHONGMING].resources.store.windows() if one.window_id == WINDOW]
    assert row.revoked is not None
    assert from_micros(row.revoked) == moment(first.revoked_at)


async def test_its_id_is_given_to_no_other(town: Town) -> None:
    await _add(town)
    await _revoke(town)
    with refused(codes.WINDOW_EXISTS):
        await _add(town)


async def test_nobody_can_be_taken_back_who_was_never_there(town: Town) -> None:
    with refused(codes.WINDOW_NOT_FOUND) as caught:
        await _revoke(town, "hall-9")
    assert caught.value.field == "window_id"
