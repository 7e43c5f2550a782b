"""``tongban directory``: who belongs to the federation, as its authority says and as a node holds it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

app = typer.Typer(help="Publish the federation's directory, and give it to nodes.", no_args_is_help=True)

Authority = Annotated[Path, Option("--folder", help="Folder of the authority.", show_default="the current folder")]


@command(app, "init")
def init(
    federation: Annotated[str, Argument(metavar="FEDERATION", help="Name of the federation.")], folder: Authority = HERE
) -> dict[str, Any]:
    """Make the folder of a directory's authority: its key, and the public key for the nodes."""
    from tongban.federation.formation import init_authority

    return {"federation": federation, "public_key": str(init_authority(folder, federation))}


@command(app, "add")
def add(
    card: Annotated[Path, Argument(metavar="CARD", help="The member.card that `tongban init` made.")],
    folder: Authority = HERE,
) -> dict[str, Any]:
    """Take a member in by its card. Compare the key with what the member says by telephone."""
    from tongban.federation.formation import add_member

    member = add_member(folder, card)
    return {"member": member.id, "name": member.name, "key": ", ".join(key.key_id for key in member.keys)}


@command(app, "remove")
def remove(
    member: Annotated[str, Argument(metavar="MEMBER", help="Id of the member.")], folder: Authority = HERE
) -> dict[str, Any]:
    """Leave a member out of the next directory."""
    from tongban.federation.formation import remove_member

    remove_member(folder, member)
    return {"removed": member}


@command(app, "publish")
def publish(
    folder: Authority = HERE,
    valid_days: Annotated[int, Option(help="Days after which it is worth nothing.")] = 30,
    stale_days: Annotated[int, Option(help="Days after which nodes ask for a newer one.")] = 20,
) -> dict[str, Any]:
    """Sign a directory of the present members, one version above the last."""
    from tongban.core.times import wall_clock
    from tongban.federation import formation

    file = formation.publish(folder, formation.Age(valid_days, stale_days), wall_clock())
    return {"file": str(file), "members": ", ".join(member.id for member in formation.members(folder))}


@command(app, "sign")
def sign(
    file: Annotated[Path, Argument(metavar="FILE", help="Directory that another authority published.")],
    folder: Authority = HERE,
) -> dict[str, Any]:
    """Add this authority's seal to a directory."""
    from tongban.federation import formation

    formation.sign(folder, file)
    return {"file": str(file), "seals": len(formation.read_document(file, "directory").seals)}


@command(app, "import")
def import_directory(
    file: Annotated[Path, Argument(metavar="FILE", help="A signed directory.")], home: Home = HERE
) -> dict[str, Any]:
    """Give the running node a directory."""
    from tongban.federation.cli import held

    with admin_door(home) as client:
        return held.take(client, file, "directory")


@command(app, "list")
def list_documents(home: Home = HERE) -> list[dict[str, Any]]:
    """List the documents that the running node holds: directory, catalogues, agreements."""
    from tongban.federation.cli import held

    with admin_door(home) as client:
        return held.heads(client, "")
