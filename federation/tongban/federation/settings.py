"""The settings of a node: one TOML file, node.toml, in the node's folder. Relative paths start in that folder."""

from pathlib import Path

import tomli
from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from tongban.core.identifiers import check_member_id
from tongban.federation.carriers.settings import Carriers, is_tag
from tongban.federation.materials.settings import Materials
from tongban.federation.settings_table import Address, Table

FILE = "node.toml"


class SettingsError(Exception):
    """The file is missing or wrong; every error is a line that names key, rule and remedy."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  {problem}" for problem in problems)]))
        self.problems = problems


class WindowsDoor(Table):
    """The door for windows: TLS, with a token."""

    listen: Address = Field(description="Address to listen at, host:port.")


class PeersDoor(Table):
    """The door for other members' nodes: mutual TLS by the directory's certificates, and HTTP beside it on demand."""

    listen: Address = Field(description="Address to listen at, host:port.")
    http: str = Field(
        "",
        pattern=r"^([^\s/]+:[0-9]{1,5})?$",
        description="Address of the HTTP door, host:port, for peers that come through a gateway; empty for none.",
    )
    http_tls: bool = Field(
        True,
        description="Whether the HTTP door speaks TLS, with the node's certificate; off only where nothing but the "
        "gateway can reach it.",
    )


class AdminDoor(Table):
    """The door for operators: a Unix socket in a folder that only its owner can enter."""

    socket: str = Field("admin/socket", description="Path of the socket; at most 107 bytes when made absolute.")


class KeyFiles(Table):
    """Where the node's keys are."""

    organisation: str = Field(
        "keys/organisation.key", description="Organisation key, PEM: it seals what the member says."
    )
    node: str = Field("keys/node.key", description="TLS key of the node, PEM.")
    certificate: str = Field("keys/node.crt", description="TLS certificate of the node, PEM.")
    encryption: str = Field(
        "keys/encryption.key",
        description="Encryption keys, PEM, the newest first: they open the bodies that others encrypt for this member.",
    )
    data: str = Field("keys/data.key", description="Key of 32 bytes that encrypts personal data at rest.")


class Trust(Table):
    """Whom the node trusts to say who belongs to the federation."""

    authorities: list[str] = Field(default=[], description="Public keys of the directory's authorities, PEM files.")
    threshold: int = Field(1, ge=1, description="How many of them must have signed a directory.")


class Relaying(Table):
    """For whom this member passes messages on, which it can neither read nor change."""

    members: list[str] = Field(
        default=[],
        alias="for",
        description="Members whose messages are passed on, what they send and what is for them. Empty: none.",
    )

    @field_validator("members")
    @classmethod
    def _member_ids(cls, value: list[str]) -> list[str]:
        for one in value:
            if problem := check_member_id(one):
                raise ValueError(f"{one}: {problem}")
        return value


class Limits(Table):
    """Limits of time and number."""

    handler_seconds: float = Field(
        10.0, gt=0, le=600, description="Seconds that a plugin's handler or source may take."
    )
    message_seconds: float = Field(60.0, gt=0, le=600, description="Seconds for which a message to a peer is valid.")
    retry_seconds: float = Field(
        30.0, gt=0, le=3600, description="Longest pause between attempts to deliver, in seconds."
    )
    checkpoint_seconds: float = Field(
        1.0, gt=0, le=3600, description="Seconds between checkpoints of a growing evidence log."
    )
    link_questions: int = Field(
        1000,
        ge=64,
        le=100_000,
        description="Questions of one peer that are answered at the same time on one link; a large one counts as 64.",
    )
    link_waiting: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Questions to one peer that may wait for a place; further ones are refused with PEER_BUSY.",
    )
    stop_seconds: float = Field(5.0, gt=0, le=600, description="Seconds that calls under way have when the node stops.")
    calls: int = Field(
        1000, ge=1, description="Calls of windows under way at the same time; more are turned away with OVERLOADED."
    )
    window_calls: int = Field(250, ge=1, description="How many of them one window may have.")
    peer_calls: int = Field(
        250, ge=1, description="How many of them may ask the same peer; more are refused with PEER_BUSY."
    )
    streams: int = Field(1000, ge=1, description="Streams of windows, as uploads and WatchCase, at the same time.")
    window_streams: int = Field(100, ge=1, description="How many of them one window may have.")
    peer_streams: int = Field(
        250, ge=1, description="How many of them may go to the same peer; more are refused with PEER_BUSY."
    )
    questions: int = Field(
        1000,
        ge=1,
        description="Questions of peers that are answered at the same time; more wait. Beside them, as many for each "
        "member to which they are passed on by files.",
    )
    peer_questions: int = Field(500, ge=1, description="How many of them one peer may have.")
    question_streams: int = Field(
        1000, ge=1, description="Streams that peers open, at the same time; more are refused with OVERLOADED."
    )
    peer_question_streams: int = Field(250, ge=1, description="How many of them one peer may have.")
    outbox_messages: int = Field(
        100_000,
        ge=1,
        description="Messages that may wait for a peer; then its cases are refused with OUTBOX_FULL.",
    )
    window_per_second: float = Field(0.0, ge=0, description="Calls a second that one window may make; 0 for no limit.")
    window_burst: int = Field(20, ge=1, description="Calls that it may make at once after a quiet time.")
    peer_per_second: float = Field(0.0, ge=0, description="Questions a second that one peer may ask; 0 for no limit.")
    peer_burst: int = Field(100, ge=1, description="Questions that it may ask at once after a quiet time.")


class Plugins(Table):
    """Which plugins are loaded, and a table ``[plugins.NAME]`` with the settings of each."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    enabled: list[str] = Field(default=[], description="Names of entry points in the group tongban.plugins.")

    def table(self, name: str) -> dict[str, object]:
        """Return the settings of one plugin."""
        value = (self.model_extra or {}).get(name, {})
        return value if isinstance(value, dict) else {}


class Calendar(Table):
    """Working days."""

    overrides: str = Field("", description="TOML file that adds or corrects years; empty for none.")


class Settings(Table):
    """The whole file."""

    member: str = Field(description="Member that the node serves, as in 310151 or 330100.gjj.")
    name: str = Field(min_length=1, max_length=100, description="Name of the member.")
    reflection: bool = Field(
        False, description="Offer gRPC reflection at the windows door; it describes the node to strangers."
    )
    windows: WindowsDoor
    peers: PeersDoor
    carriers: Carriers = Field(default={})
    admin: AdminDoor = AdminDoor()
    keys: KeyFiles = KeyFiles()
    trust: Trust = Trust()
    relay: Relaying = Relaying()
    limits: Limits = Limits()
    materials: Materials = Materials()
    plugins: Plugins = Plugins()
    calendar: Calendar = Calendar()

    @field_validator("member")
    @classmethod
    def _member_id(cls, value: str) -> str:
        problem = check_member_id(value)
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("carriers")
    @classmethod
    def _not_to_itself(cls, value: Carriers, info: ValidationInfo) -> Carriers:
        if info.data.get("member") in value:
            raise ValueError(f"{info.data['member']} is the node's own member; it reaches itself by no carrier")
        return value


def load(home: Path) -> Settings:
    """Read the settings of the node in this folder.

    Raises:
        SettingsError: with every error of the file.
    """
    path = home / FILE
    try:
        return Settings.model_validate(tomli.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingsError(path, ["there is no such file; make a node's folder with `tongban init`"]) from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path, [f"it is no TOML: {error}"]) from None
    except ValidationError as error:
        raise SettingsError(path, [problem_of(one) for one in error.errors(include_url=False)]) from None


def problem_of(error: ErrorDetails) -> str:
    """Return one error of a TOML file as a line: key, rule, remedy. Entries are counted from 1, as people count."""
    parts = [part for part in error["loc"] if not is_tag(part)]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such key; remove it, or correct its name"
    if error["type"] == "missing":
        return f"{key}: the key is missing; add it"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}; correct it"
