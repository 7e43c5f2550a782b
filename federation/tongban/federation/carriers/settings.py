"""How each peer is reached: a table ``[carriers."MEMBER"]`` of node.toml; a peer without one is reached by gRPC."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from tongban.core.identifiers import check_member_id
from tongban.federation.settings_table import Table

KINDS = ("grpc", "http", "folder", "relay")


class Carrier(Table):
    """Keys that a peer of any kind can have."""


class GrpcCarrier(Carrier):
    """A standing link by gRPC, to where the directory says: what a peer without a table has."""

    kind: Literal["grpc"] = Field("grpc", description="`grpc`.")
    encrypt: bool = Field(False, description="Whether bodies are encrypted for the peer, beneath TLS.")


class RelayCarrier(Carrier):
    """Another member passes messages on, which it cannot read: their bodies are encrypted for the peer."""

    kind: Literal["relay"] = Field(description="`relay`.")
    through: str = Field(description="Member that passes them on, reached as its own table says.")
    valid_days: float = Field(
        0.0, ge=0, le=30, description="Days for which an act or event is valid, where the relay goes on by files."
    )
    answer_seconds: float = Field(
        0.0, ge=0, le=864_000, description="Seconds after which one without an answer is sent again there."
    )


class HttpCarrier(Carrier):
    """Requests by HTTP/1.1, for gateways that end TLS."""

    kind: Literal["http"] = Field(description="`http`.")
    url: str = Field(
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Where the peer's HTTP door is reached, as in https://gateway.example/qidong; the node adds "
        "/tongban/exchange.",
    )
    encrypt: bool = Field(True, description="Whether bodies are encrypted for the peer.")
    ca: str = Field(
        "", description="PEM file of what vouches for the certificate there; empty for what the machine trusts."
    )
    certificate: str = Field("", description="Certificate that the node shows a gateway that asks for one, PEM.")
    key: str = Field("", description="Its key, PEM.")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together; name both or none")
        return self


class FolderCarrier(Carrier):
    """Files in two folders, for 网闸 and disks that somebody carries."""

    kind: Literal["folder"] = Field(description="`folder`.")
    encrypt: bool = Field(True, description="Whether bodies are encrypted for the peer.")
    outgoing: str = Field(min_length=1, description="Folder into which the node writes what goes to the peer.")
    incoming: str = Field(min_length=1, description="Folder from which it takes what the peer has written.")
    valid_days: float = Field(7.0, gt=0, le=30, description="Days for which a message that goes there is valid.")
    answer_seconds: float = Field(
        3600.0, ge=1, le=864_000, description="Seconds after which a message without an answer is written again."
    )
    look_seconds: float = Field(1.0, ge=0.05, le=3600, description="Seconds between two looks into the folder.")

    @model_validator(mode="after")
    def _answer_while_valid(self) -> Self:
        if self.answer_seconds > self.valid_days * 86_400:
            raise ValueError("answer_seconds is longer than valid_days; wait no longer than a message is valid")
        return self


def _tag(value: object) -> str:
    kind = value.get("kind", "grpc") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return f"<{kind}>"


PeerCarrier = Annotated[
    Annotated[GrpcCarrier, Tag("<grpc>")]
    | Annotated[HttpCarrier, Tag("<http>")]
    | Annotated[FolderCarrier, Tag("<folder>")]
    | Annotated[RelayCarrier, Tag("<relay>")],
    Discriminator(
        _tag,
        custom_error_type="carrier",
        custom_error_message="must be a table whose kind is grpc, http, folder or relay",
    ),
]


def is_tag(part: object) -> bool:
    """Say whether a part of an error's place only names the kind of a table."""
    return part in [f"<{kind}>" for kind in KINDS]


def _checked(carriers: dict[str, PeerCarrier]) -> dict[str, PeerCarrier]:
    for member in carriers:
        if problem := check_member_id(member):
            raise ValueError(f"{member}: {problem}")
    for member, one in carriers.items():
        if isinstance(one, RelayCarrier):
            _check_through(member, one.through, carriers)
    folders = [
        PurePath(path)
        for one in carriers.values()
        if isinstance(one, FolderCarrier)
        for path in (one.outgoing, one.incoming)
    ]
    for path in folders:
        if folders.count(path) > 1:
            raise ValueError(f"{path} is named twice; each peer needs two folders of its own")
    return carriers


def _check_through(member: str, through: str, carriers: Mapping[str, PeerCarrier]) -> None:
    if problem := check_member_id(through):
        raise ValueError(f"{member}: through {problem}")
    if through == member or isinstance(carriers.get(through), RelayCarrier):
        raise ValueError(f"{member}: through {through} leads nowhere; name a member that is reached without a relay")


Carriers = Annotated[dict[str, PeerCarrier], AfterValidator(_checked)]
