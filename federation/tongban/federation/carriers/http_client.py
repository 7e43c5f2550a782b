"""One way by HTTP/1.1 to a peer's node, and what can go wrong on it. Nothing else of the node knows httpx."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import httpx

from tongban.federation.carriers.http_frames import LINK, MEDIA_TYPE, PATH, FrameReader, NoFrame
from tongban.federation.carriers.settings import HttpCarrier

MOST_CONNECTIONS = 64
_IDLE_SECONDS = 20.0
_CONNECT_SECONDS = 3.0


class HttpFailed(Exception):
    """A request was not answered; the text says why, for operators."""


class HttpClient:
    """Posts batches to one address."""

    def __init__(self, chosen: HttpCarrier, home: Path) -> None:
        """Prepare the way, with a name of its own: who knows it can cancel, so no two peers learn the same.

        Raises:
            ValueError: a file that the settings name holds no certificate, or no key that fits.
        """
        self.url = chosen.url.rstrip("/") + PATH
        self._headers = {"content-type": MEDIA_TYPE, "accept-encoding": "identity", LINK: uuid4().hex}
        self._client = httpx.AsyncClient(
            verify=_tls(chosen, home),
            trust_env=False,
            limits=httpx.Limits(
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=MOST_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
            ),
        )

    async def post(self, batch: bytes, seconds: float, leaves: Callable[[], None]) -> AsyncGenerator[bytes, None]:
        """Post a batch and yield the frames of the response as they come.

        Args:
            batch: Serialised LinkRequest.
            seconds: How long the next bytes of the response may take.
            leaves: Called once the connection stands and the batch begins to leave.

        Raises:
            HttpFailed: with the cause.
        """

        async def body() -> AsyncIterator[bytes]:
            leaves()
            yield batch

        headers = {**self._headers, "content-length": str(len(batch))}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        try:
            async with self._client.stream("POST", self.url, content=body(), headers=headers, timeout=timeout) as told:
                self._check(told)
                async for frame in _frames(told):
                    yield frame
        except httpx.HTTPError as error:
            raise HttpFailed(f"{self.url} {_why(error)}") from error
        except NoFrame:
            raise HttpFailed(f"{self.url} answers with something else than a node's answers") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _check(self, told: httpx.Response) -> None:
        if told.status_code != httpx.codes.OK:
            raise HttpFailed(f"{self.url} answers with HTTP {told.status_code}")
        kind = told.headers.get("content-type", "").partition(";")[0].strip()
        if kind != MEDIA_TYPE:
            raise HttpFailed(f"{self.url} answers with {kind[:60] or 'no content type'}, which is no node's answer")
        coding = told.headers.get("content-encoding", "identity")
        if coding != "identity":
            raise HttpFailed(f"{self.url} answers with {coding[:60]}, though it was asked for plain content")


async def _frames(told: httpx.Response) -> AsyncIterator[bytes]:
    reader = FrameReader()
    async for piece in told.aiter_raw():  # What is packed small can be large.
        for frame in reader.feed(piece):
            yield frame
    if not reader.between_frames:
        raise httpx.RemoteProtocolError("the last frame is not whole")


def _why(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "gives no connection in time"
        case httpx.ConnectError():
            return _why_no_connection(error)
        case httpx.TimeoutException():
            return "does not answer in time"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            return "cut the answer off"
    return f"cannot be asked ({type(error).__name__})"


def _why_no_connection(error: httpx.ConnectError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"shows a certificate that is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"does not agree on TLS ({cause.reason})"
        cause = cause.__cause__ or cause.__context__
    return "gives no connection"


def _tls(chosen: HttpCarrier, home: Path) -> ssl.SSLContext:
    ca, certificate, key = (_readable(home, name) for name in (chosen.ca, chosen.certificate, chosen.key))
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except ssl.SSLError:
        files = ", ".join(str(path) for path in (ca, certificate, key) if path)
        raise ValueError(f"not all of {files} hold what they should, a certificate or its key in PEM form") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # What vouches may be the certificate itself.
    return context


def _readable(home: Path, name: str) -> Path | None:
    """Return the path of a file that the settings name; None if they name none."""
    try:
        if name:
            (home / name).read_bytes()
    except OSError as error:
        raise ValueError(f"{home / name} cannot be read: {error.strerror}") from None
    return home / name if name else None
