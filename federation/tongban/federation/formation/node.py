"""A new node's folder: settings, keys, certificate, and the card by which an authority takes the member in."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import tomli

from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_P256, KeyAlgorithm, Member, Node
from tongban.core.encryption import DecryptionKeys, generate_encryption_key
from tongban.core.signing import generate_key, private_pem, public_key_of, public_pem
from tongban.federation import settings
from tongban.federation.formation import keys, toml_text
from tongban.federation.formation.errors import FormationError, parsed

CARD = "member.card"
"""File in a node's folder: a serialised `Member`, public, for the directory's authority."""

MAX_SOCKET_PATH = 107
"""Most bytes of a Unix socket's absolute path (unix(7))."""


@dataclass(frozen=True, slots=True)
class NewNode:
    """What a new node is to be."""

    member: str
    name: str
    windows: str
    """Address at which it listens for windows, host:port."""
    peers: str
    """Address at which it listens for other members' nodes, host:port."""
    endpoint: str = ""
    """Address at which other members reach it; empty: that at which it listens."""
    authorities: Sequence[Path] = ()
    """Public keys of the directory's authorities, PEM."""
    threshold: int = 1
    """How many of them must have signed a directory."""
    plugins: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Enabled plugins, each with its settings."""
    algorithm: "KeyAlgorithm.ValueType" = KEY_ALGORITHM_P256
    """What the organisation key signs with."""


def init_node(home: Path, node: NewNode, now: datetime) -> Member:
    """Make a node's folder and return its card.

    Raises:
        FormationError: the folder is a node's already, or an authority's key or a setting is wrong.
    """
    trusted = {f"trust/{key_id}.pem": pem for key_id, pem in map(_authority, node.authorities)}
    text = _settings_text(node, sorted(trusted))
    parsed(settings.Settings, tomli.loads(text), f"a node of {node.member} cannot be made")
    _check(
        f"{home} cannot become a node's folder",
        [*_problems_of_folder(home), *_problems_of_doors(node), *_problems_of_endpoint(_endpoint(node))],
    )
    organisation, tls, encryption = generate_key(node.algorithm), keys.tls_key(), generate_encryption_key()
    certificate = keys.node_certificate(node.member, tls, _hosts(node), now)
    card = Member(
        id=node.member,
        name=node.name,
        keys=[public_key_of(organisation)],
        nodes=[Node(endpoint=_endpoint(node), certificate=keys.certificate_der(certificate))],
        encryption_keys=DecryptionKeys([encryption]).public_keys,
    )
    files = {
        "keys/organisation.key": private_pem(organisation),
        "keys/node.key": private_pem(tls),
        "keys/encryption.key": private_pem(encryption),
        "keys/node.crt": keys.certificate_pem(certificate),
        "keys/data.key": os.urandom(32),
        **trusted,
        CARD: card.SerializeToString(deterministic=True),
        settings.FILE: text.encode(),
    }
    keys.private_folder(home)
    for name, content in files.items():
        keys.write_private(home / name, content)
    return card


def _check(subject: str, problems: Sequence[str]) -> None:
    if problems:
        raise FormationError(subject, problems)


def _problems_of_folder(home: Path) -> Iterator[str]:
    for name in (settings.FILE, "keys", CARD, "trust"):
        if (home / name).exists():
            yield f"{home / name} is there already; choose another folder, for a key is never overwritten"
    length = len(os.fsencode((home / settings.AdminDoor().socket).absolute()))
    if length > MAX_SOCKET_PATH:
        rule = f"the path of its admin socket would have {length} bytes, and {MAX_SOCKET_PATH} are possible"
        yield f"{rule}; choose a folder with a shorter path"


def _problems_of_doors(node: NewNode) -> Iterator[str]:
    if node.windows == node.peers and not node.windows.endswith(":0"):  # Of port 0 each door gets one that is free.
        yield f"windows and peers cannot both come to {node.windows}; give each door a port of its own"


def _problems_of_endpoint(endpoint: str) -> Iterator[str]:
    host, _, port = endpoint.rpartition(":")
    if not host or _is_any(host.strip("[]")) or not port.isdecimal() or not 0 < int(port) < 65536:
        yield f"endpoint {endpoint}: other members must reach the node there; give a host and a port, as in host:7401"


def _authority(path: Path) -> tuple[str, bytes]:
    """Return key id and PEM of an authority's public key."""
    key = keys.read_public_key(path, "public key of an authority")
    return key.key_id, public_pem(key)


def _hosts(node: NewNode) -> set[str]:
    """Return the hosts under which the node is called; one that stands for all addresses is none."""
    hosts = {address.rpartition(":")[0].strip("[]") for address in (node.windows, node.peers, _endpoint(node))}
    return {host for host in hosts if not _is_any(host)}


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _endpoint(node: NewNode) -> str:
    return node.endpoint or node.peers


def _settings_text(node: NewNode, authorities: Sequence[str]) -> str:
    plugins = [
        toml_text.table(f"plugins.{toml_text.key(name)}", table) for name, table in node.plugins.items() if table
    ]
    text = _SETTINGS.format(
        name=toml_text.value(node.name),
        member=toml_text.value(node.member),
        windows=toml_text.value(node.windows),
        peers=toml_text.value(node.peers),
        authorities=toml_text.value(authorities),
        threshold=toml_text.value(node.threshold),
        enabled=toml_text.value(list(node.plugins)),
    )
    return "\n".join([text, *plugins])


_SETTINGS = """\
# Settings of a node. Relative paths start in this folder. The reference (docs/reference/settings.md) lists them all.

member = {member}
name = {name}

[windows]
# The windows of this member call here: TLS with keys/node.crt, and a token from `tongban window add`.
listen = {windows}

[peers]
# The nodes of other members call here: mutual TLS, with the certificates of the federation's directory.
listen = {peers}

[trust]
# Public keys of the directory's authorities, and how many of them must have signed a directory.
authorities = {authorities}
threshold = {threshold}

[plugins]
# Entry points of the group tongban.plugins; a table [plugins.NAME] holds the settings of one.
enabled = {enabled}
"""
