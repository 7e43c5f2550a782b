"""Where a node is, how it is trusted, and what every call to it carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

import grpc
from cryptography import x509
from google.protobuf.message import Message

from tongban.core.client._calls import LONG_PAUSES, PAUSES, Call, Metadata
from tongban.core.client.context import Context
from tongban.core.codes import TOO_LARGE
from tongban.core.errors import Refusal, invalid_field

DEFAULT_TIMEOUT = 10.0
"""Seconds that a call may take unless it says otherwise."""

MESSAGE_LIMIT = 4 << 20
"""Most bytes of a message, either way; a node takes no larger one."""

ChannelOptions: TypeAlias = list[tuple[str, str | int]]

CHANNEL_OPTIONS: ChannelOptions = [
    # The library repeats calls itself, under the same request id.
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    # Without this one, a node that is back is not dialled for 20 s.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
]


@dataclass(frozen=True, slots=True)
class Door:
    """The windows door of a node, as one window uses it."""

    endpoint: str
    token: str
    context: Context
    timeout: float
    closed: Event = field(default_factory=Event)
    """Set when the window leaves; its calls are not made again then."""

    def call(
        self, options: Mapping[str, Any], request: Message | None = None, pauses: Sequence[float] = PAUSES
    ) -> Call:
        """Return a call to be made; the options are those of `Options` and its kind.

        Raises:
            Refusal: TOO_LARGE.
        """
        if request is not None and request.ByteSize() > MESSAGE_LIMIT:
            facts = {"what": "the request", "size": str(request.ByteSize()), "limit": str(MESSAGE_LIMIT)}
            raise Refusal(TOO_LARGE, facts)
        return Call(
            self.endpoint,
            options.get("timeout", self.timeout),
            metadata=self._metadata(options),
            request_id=getattr(request, "request_id", ""),
            pauses=pauses,
            closed=self.closed,
        )

    def watching(self, options: Mapping[str, Any]) -> Call:
        """Return a call that has no limit of time unless its options say one, and that outlasts a node's restart."""
        return self.call({"timeout": inf, **options}, pauses=LONG_PAUSES)

    def _metadata(self, options: Mapping[str, Any]) -> Metadata:
        said = {name: value for name, value in options.items() if name != "timeout"}
        context = replace(self.context, **said).message().SerializeToString()
        return (("authorization", f"Bearer {self.token}"), ("tongban-context-bin", context))


def door(endpoint: str, token: str, context: Context | None, timeout: float) -> Door:
    """Return a door.

    Raises:
        Refusal: INVALID_FIELD, the token cannot be sent.
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise invalid_field("token", "must be the text that `tongban window add` showed")
    return Door(endpoint, token, context or Context(), timeout)


def trust(ca: str | Path | None, server_name: str | None) -> tuple[grpc.ChannelCredentials, ChannelOptions]:
    """Return credentials and options for a node whose certificate is `ca`, or is vouched for by the system's roots.

    A node's own certificate names the member, not the host that the window dials; so its name is the one expected.

    Raises:
        Refusal: INVALID_FIELD, the file cannot be read or holds no certificate.
    """
    pem = _read(Path(ca)) if ca else None
    name = server_name or (_name_in(pem) if pem else "")
    override: ChannelOptions = [("grpc.ssl_target_name_override", name)] if name else []
    return grpc.ssl_channel_credentials(pem), CHANNEL_OPTIONS + override


def _read(ca: Path) -> bytes:
    try:
        return ca.read_bytes()
    except OSError as error:
        raise invalid_field("ca", f"{ca} cannot be read ({error.strerror})") from error


def _name_in(pem: bytes) -> str:
    certificates = _certificates(pem)
    if len(certificates) > 1:
        return ""  # A bundle of authorities: whose name it will be, only the host says.
    try:
        names = certificates[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next((name for name in names.get_values_for_type(x509.DNSName) if "*" not in name), "")


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise invalid_field("ca", "the file must hold a certificate in PEM form") from error
