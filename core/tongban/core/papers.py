"""Official papers 文书: plain text, signed singly over exactly their bytes, so that OpenSSL alone verifies them."""

from collections.abc import Sequence

from tongban.api.common.v1.common_pb2 import Paper
from tongban.core.signing import Signer

MEDIA_TYPE = "text/plain; charset=utf-8"

NO_SEAL = "本文书为电子数据,未加盖印章;其真实性以随附的签名为准。"
"""A paper without a seal image says so."""


async def paper(signer: Signer, issuer: str, title: str, lines: Sequence[str]) -> Paper:
    """Return a signed paper with this title and these lines."""
    content = "\n".join([title, "", *lines, "", NO_SEAL, ""]).encode()
    return Paper(
        title=title,
        media_type=MEDIA_TYPE,
        content=content,
        issuer=issuer,
        key_id=signer.public_key.key_id,
        signature=await signer.sign(content),
    )
