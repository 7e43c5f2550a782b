"""TLS key and certificate of this node, from its files, which an operator may renew while it runs."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """TLS key and certificate of this node, PEM."""

    key: bytes
    certificate: bytes

    @classmethod
    def load(cls, key: Path, certificate: Path) -> "Identity":
        """Read both files.

        Raises:
            ValueError: one of them holds nothing of the kind in PEM form, or the key is not the certificate's.
        """
        identity = cls(key.read_bytes(), certificate.read_bytes())
        try:
            public = serialization.load_pem_private_key(identity.key, password=None).public_key()
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise ValueError(f"{key} holds no private key in PEM form without pass phrase") from None
        try:
            certified = x509.load_pem_x509_certificate(identity.certificate).public_key()
        except ValueError:
            raise ValueError(f"{certificate} holds no certificate in PEM form") from None
        if public != certified:
            raise ValueError(f"{certificate} is not the certificate of the key in {key}")
        return identity


class OwnIdentity:
    """What the node shows now. Links and doors that hold it see the next one as soon as it is there."""

    def __init__(self, key: Path, certificate: Path) -> None:
        """Read both files.

        Raises:
            ValueError: as `Identity.load`.
        """
        self._files = key, certificate
        self._stamp = self._stamped()
        self.current = Identity.load(key, certificate)

    def renew(self) -> None:
        """Read the files again if they have changed; while they do not fit each other, what was shown stays."""
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.current = Identity.load(*self._files)
        except (OSError, ValueError) as error:
            log.warning("the node goes on with the certificate that it has: %s", error)
        else:
            log.info("the node shows the certificate that its files hold now")

    def _stamped(self) -> _Stamp:
        stats = [path.stat() for path in self._files if path.exists()]
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in stats)
