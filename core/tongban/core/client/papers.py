"""Official papers 文书 as files that OpenSSL alone verifies."""

from dataclasses import dataclass
from pathlib import Path

from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.core.signing import openssl_command, public_pem


@dataclass(frozen=True, slots=True)
class SavedPaper:
    """A paper on disk, with what verifies it."""

    file: Path
    signature: Path
    key_file: Path
    verify: str
    """OpenSSL's command line."""


def save_paper(paper: Paper, key: PublicKey, out: Path) -> SavedPaper:
    """Write a paper's text, its signature and its issuer's key, side by side, and say how OpenSSL verifies them."""
    signature, key_file = out.with_name(f"{out.name}.sig"), out.with_name(f"{out.name}.pem")
    for file, content in ((out, paper.content), (signature, paper.signature), (key_file, public_pem(key))):
        file.write_bytes(content)
    verify = openssl_command(key, key_file=str(key_file), signature_file=str(signature), content_file=str(out))
    return SavedPaper(out, signature, key_file, verify)
