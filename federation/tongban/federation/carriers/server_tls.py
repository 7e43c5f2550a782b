"""TLS of a door that does not ask for certificates, with the certificate that the node shows now."""

import ssl
from pathlib import Path

from tongban.federation.carriers.identity import OwnIdentity


class ServerTls:
    """Changes the certificate between handshakes."""

    def __init__(self, own: OwnIdentity, key: Path, certificate: Path) -> None:
        """Take what the node shows, and the files that hold it."""
        self._own = own
        self._files = certificate, key
        self._shown = own.current
        self.context = self._latest = _context(*self._files)
        """What the door listens with; each handshake goes on with the latest."""
        self.context.sni_callback = self._renew

    def _renew(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, first: ssl.SSLContext) -> None:
        """Let a handshake go on with what the node shows now; it is called also where no name is asked for."""
        if self._own.current is not self._shown:
            self._latest, self._shown = _context(*self._files), self._own.current
        connection.context = self._latest


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
