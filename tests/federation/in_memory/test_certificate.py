"""A node that shows a certificate which the directory does not list knows why its peers refuse it."""

import pytest

from tongban.api.admin.v1.admin_pb2 import GetStatusRequest, GetStatusResponse

from .calls import ADMIN
from .laid_out import CHONGMING, QIDONG
from .town import Town

CERTIFICATE = "keys/node.crt"


async def _problems(town: Town) -> list[str]:
    status = await town.admin(QIDONG).call(f"{ADMIN}/GetStatus", GetStatusRequest(), GetStatusResponse)
    return list(status.problems)


async def _told(town: Town) -> list[str]:
    return [one for one in await _problems(town) if one.startswith("peers refuse this node")]


async def test_a_certificate_of_no_directory_is_a_problem(town: Town) -> None:
    assert await _told(town) == []
    folder = town.laid_out.folder
    own = (folder / QIDONG / CERTIFICATE).read_bytes()
    (folder / QIDONG / CERTIFICATE).write_bytes((folder / CHONGMING / CERTIFICATE).read_bytes())
    [problem] = await _told(town)
    assert "tongban directory add member.card" in problem
    (folder / QIDONG / CERTIFICATE).write_bytes(own)
    assert await _told(town) == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_one_that_cannot_be_read_is_a_problem_and_hides_no_other(town: Town, content: bytes | None) -> None:
    path = town.laid_out.folder / QIDONG / CERTIFICATE
    path.unlink() if content is None else path.write_bytes(content)
    assert [problem.startswith(f"{path} cannot be read") for problem in await _problems(town)] == [True]
