"""``tongban member``: the members of the federation."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

if TYPE_CHECKING:
    from tongban.api.documents.v1.documents_pb2 import Member, Node

app = typer.Typer(help="Show the members of the federation.", no_args_is_help=True)


@command(app, "list")
def list_members(home: Home = HERE) -> list[dict[str, Any]]:
    """List the members of the directory that the running node holds."""
    from tongban.federation.cli import held

    with admin_door(home) as client:
        return [
            {"member": one.id, "name": one.name, "nodes": ", ".join(node.endpoint for node in one.nodes)}
            for one in held.members(client)
        ]


@command(app, "show")
def show(
    member: Annotated[str, Argument(metavar="MEMBER", help="Id of the member.")], home: Home = HERE
) -> dict[str, Any]:
    """Show one member with its keys and nodes."""
    from tongban.core import codes
    from tongban.core.errors import Refusal
    from tongban.federation.cli import held

    with admin_door(home) as client:
        for one in held.members(client):
            if one.id == member:
                return _member(one)
    raise Refusal(codes.MEMBER_UNKNOWN, {"member": member, "federation": "this directory"})


def _member(one: "Member") -> dict[str, Any]:
    from tongban.api.documents.v1.documents_pb2 import KeyAlgorithm
    from tongban.federation.cli import words

    keys = [
        {"key": key.key_id, "algorithm": words.named(KeyAlgorithm, key.algorithm)}
        for key in (*one.keys, *one.encryption_keys)
    ]
    return {"member": one.id, "name": one.name, "keys": keys, "nodes": [_node(node) for node in one.nodes]}


def _node(one: "Node") -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    from tongban.federation.cli import words

    certificate = x509.load_der_x509_certificate(one.certificate)
    return {
        "endpoint": one.endpoint,
        "certificate_sha256": certificate.fingerprint(SHA256()).hex(),
        "expires_at": words.local(certificate.not_valid_after_utc),
    }
