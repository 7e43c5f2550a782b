"""``tongban init``, ``tongban node run``, ``tongban status``: a node's folder, the node, and how it is."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

if TYPE_CHECKING:
    from tongban.api.documents.v1.documents_pb2 import Member

root = typer.Typer()
node = typer.Typer(help="Run a node.", no_args_is_help=True)


class KeyKind(Enum):
    """What an organisation key signs with."""

    P256 = "p256"
    ED25519 = "ed25519"


@command(root, "init")
def init(
    member: Annotated[str, Argument(metavar="MEMBER", help="Member that the node serves, as in 310151 or 330100.gjj.")],
    name: Annotated[str, Argument(metavar="NAME", help="Name of the member.")],
    home: Home = HERE,
    windows: Annotated[str, Option(help="Address at which it listens for windows.")] = "127.0.0.1:7400",
    peers: Annotated[str, Option(help="Address at which it listens for other members' nodes.")] = "127.0.0.1:7401",
    endpoint: Annotated[
        str, Option(help="Address at which other members reach it.", show_default="the one for their nodes")
    ] = "",
    authority: Annotated[
        list[Path] | None, Option(help="Public key of an authority of the directory, PEM. Repeat it for each.")
    ] = None,
    threshold: Annotated[int, Option(help="How many authorities must have signed a directory.")] = 1,
    plugin: Annotated[list[str] | None, Option(help="Plugin to enable. Repeat it for each.")] = None,
    key: Annotated[KeyKind, Option(help="What the organisation key signs with.")] = KeyKind.P256,
) -> dict[str, Any]:
    """Make a node's folder. It holds settings, keys, and the card for the directory's authority."""
    from tongban.api.documents.v1.documents_pb2 import KeyAlgorithm
    from tongban.core.times import wall_clock
    from tongban.federation.formation import NewNode, init_node
    from tongban.federation.formation.node import CARD

    new = NewNode(
        member=member,
        name=name,
        windows=windows,
        peers=peers,
        endpoint=endpoint,
        authorities=authority or [],
        threshold=threshold,
        plugins={one: {} for one in plugin or []},
        algorithm=KeyAlgorithm.Value(f"KEY_ALGORITHM_{key.value.upper()}"),
    )
    card = init_node(home, new, wall_clock())
    return {
        "member": member,
        "home": str(home.absolute()),
        "card": str((home / CARD).absolute()),
        "key": card.keys[0].key_id,
    }


@command(node, "run")
def run(home: Home = HERE) -> None:
    """Run the node in this folder until it is stopped (Ctrl-C or SIGTERM)."""
    from tongban.federation.run import run as run_node

    raise typer.Exit(run_node(home))


@command(node, "announce")
def announce(home: Home = HERE) -> dict[str, Any]:
    """Make the node's next TLS certificate. Its new card, for the authority, lists it beside the present one."""
    from tongban.core.times import wall_clock
    from tongban.federation import formation
    from tongban.federation.formation.node import CARD

    card = formation.announce(home, wall_clock())
    return {"member": card.id, "card": str((home / CARD).absolute()), "certificates": len(card.nodes)}


@command(node, "switch")
def switch(
    home: Home = HERE,
    force: Annotated[bool, Option("--force", help="Do not ask the node whether its directory lists it.")] = False,
) -> dict[str, Any]:
    """Have the node show the certificate that was announced, also while it runs. Its card lists the old one no more.

    The running node is asked first whether the directory that it holds lists the new one: peers let in nothing else.
    """
    from tongban.federation import formation
    from tongban.federation.cli import held
    from tongban.federation.formation.node import CARD

    if not force:
        with admin_door(home) as client:
            formation.check_listed(home, held.members(client))
    card = formation.switch(home)
    return {"member": card.id, "card": str((home / CARD).absolute()), "certificates": len(card.nodes)}


@command(node, "new-encryption-key")
def new_encryption_key(home: Home = HERE) -> dict[str, Any]:
    """Make the member's next encryption key. Restart the node, then give the authority its new card."""
    from tongban.federation import formation

    return _encryption_keys(home, formation.add_encryption_key(home))


@command(node, "forget-encryption-keys")
def forget_encryption_keys(home: Home = HERE) -> dict[str, Any]:
    """Keep the newest encryption key alone, once nobody uses the others any more."""
    from tongban.federation import formation

    return _encryption_keys(home, formation.forget_encryption_keys(home))


def _encryption_keys(home: Path, card: "Member") -> dict[str, Any]:
    from tongban.federation.formation.node import CARD

    listed = [key.key_id for key in card.encryption_keys]
    return {"member": card.id, "card": str((home / CARD).absolute()), "encryption_keys": ", ".join(listed)}


@command(root, "status")
def status(home: Home = HERE) -> dict[str, Any]:
    """Show how the node is. Who it is, what it holds, what waits, what hinders it."""
    from tongban.api.admin.v1.admin_pb2 import EndpointState, Freshness
    from tongban.federation.cli import words

    with admin_door(home) as client:
        said = client.status()
    return {
        "member": said.member,
        "name": said.name,
        "version": said.version,
        "grpcio": said.grpcio,
        "started_at": words.when(said.started_at),
        "windows": said.windows_endpoint,
        "peers_door": said.peers_endpoint,
        "evidence_records": said.evidence_size,
        "handlers_failing": said.handlers_failing,
        "calls": said.load.calls,
        "streams": said.load.streams,
        "questions": said.load.questions,
        "shed": said.load.shed,
        "over_quota": said.load.over_quota,
        "unproven": said.load.unproven,
        "problems": list(said.problems),
        "peers": [
            {
                "member": peer.member,
                "name": peer.name,
                "carrier": peer.carrier,
                "linked": peer.linked,
                "queued": peer.queued,
                "refused": peer.refused,
                "problem": peer.problem,
            }
            for peer in said.peers
        ],
        "endpoints": [
            {
                "member": peer.member,
                "endpoint": one.endpoint,
                "state": words.named(EndpointState, one.state),
                "failures": one.failures,
                "retry_seconds": one.retry_ms / 1000,
                "problem": one.problem,
            }
            for peer in said.peers
            for one in peer.endpoints
        ],
        "documents": [
            {**words.head(one.head), "state": words.named(Freshness, one.freshness)} for one in said.documents
        ],
    }
