"""``tongban catalogue``: the items 事项 that members publish."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

if TYPE_CHECKING:
    from tongban.api.catalogue.v1.catalogue_pb2 import MaterialRequirement, PublishedItem

app = typer.Typer(help="Find the items that members publish.", no_args_is_help=True)


@command(app, "list")
def list_items(
    text: Annotated[str, Argument(metavar="TEXT", help="Words of the item's or member's name, or its code.")] = "",
    member: Annotated[str, Option(help="Only items of this member.")] = "",
    home: Home = HERE,
) -> list[dict[str, Any]]:
    """List items, with the mode in which this node's member takes cases in for them."""
    with admin_door(home) as client:
        return [_item(one) for one in client.items(text, member=member)]


@command(app, "show")
def show(
    member: Annotated[str, Argument(metavar="MEMBER", help="Member that publishes it.")],
    code: Annotated[str, Argument(metavar="CODE", help="Code of the item.")],
    home: Home = HERE,
) -> dict[str, Any]:
    """Show one item with its form and materials."""
    with admin_door(home) as client:
        return _whole(client.item(member, code))


@command(app, "names")
def names(
    text: Annotated[
        str, Argument(metavar="TEXT", help="Words of the name, a variant, the department or the code.")
    ] = "",
) -> list[dict[str, Any]]:
    """List names of cross-region items that public texts confirm, to name items alike. It is no official list."""
    from tongban.core.known_items import known_items

    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "also": "、".join(one.also),
            "department": one.department,
            "type": one.type,
            "code": one.code or "",
        }
        for one in known_items()
    ]
    return [row for row in rows if text in " ".join(str(value) for value in row.values())]


def _item(one: "PublishedItem") -> dict[str, Any]:
    from tongban.api.catalogue.v1.catalogue_pb2 import Mode, Promise
    from tongban.federation.cli import words

    return {
        "member": one.member,
        "member_name": one.member_name,
        "code": one.item.code,
        "name": one.item.name,
        "promise": f"{one.item.promised_days} working days"
        if one.item.promised_days
        else words.named(Promise, one.item.promise),
        "mode": words.named(Mode, one.mode) or "none: no agreement row",
    }


def _whole(one: "PublishedItem") -> dict[str, Any]:
    from tongban.api.catalogue.v1.catalogue_pb2 import DecidingFact, ItemType
    from tongban.api.rules.v1.rules_pb2 import Format
    from tongban.federation.cli import words

    item = one.item
    return {
        **_item(one),
        "version": item.version,
        "type": words.named(ItemType, item.type),
        "deciding_fact": words.named(DecidingFact, item.deciding_fact),
        "places": ", ".join(item.places),
        "correction_days": item.correction_days,
        "result": item.result_title,
        "form": [
            {"field": one.name, "label": one.label, "required": one.required, "format": words.named(Format, one.format)}
            for one in item.form
        ],
        "materials": [_material(one) for one in item.materials],
    }


def _material(one: "MaterialRequirement") -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "required": one.required,
        "max_bytes": one.max_bytes or 20 << 20,
        "media_types": " ".join(one.media_types) or "any",
    }
