"""``tongban agreement``: what two members allow each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.options import HERE, Home

if TYPE_CHECKING:
    from tongban.api.documents.v1.documents_pb2 import Agreement, CaseRow, LookupRow

app = typer.Typer(help="Draft agreements, sign them, and give them to nodes.", no_args_is_help=True)


@command(app, "draft")
def draft(
    terms: Annotated[Path, Argument(metavar="TERMS", help="TOML file with the terms.")],
    out: Annotated[Path, Option(help="File for the agreement, which both parties then sign.")],
) -> dict[str, Any]:
    """Make an agreement, signed by nobody yet, of terms that people wrote."""
    from tongban.core.times import wall_clock
    from tongban.federation import formation

    read = formation.read_terms(terms)
    formation.write_document(out, formation.draft(read, wall_clock()))
    return {"file": str(out), "name": read.name, "parties": ", ".join(sorted(read.parties)), "seals": 0}


@command(app, "sign")
def sign(
    file: Annotated[Path, Argument(metavar="FILE", help="The agreement; the seal is added to this file.")],
    home: Home = HERE,
) -> dict[str, Any]:
    """Seal an agreement with the organisation key of the running node's member."""
    from tongban.federation.formation import read_document, write_document

    with admin_door(home) as client:
        signed = client.sign_agreement(read_document(file, "agreement"))
    write_document(file, signed)
    return {"file": str(file), "seals": len(signed.seals)}


@command(app, "import")
def import_agreement(
    file: Annotated[Path, Argument(metavar="FILE", help="An agreement that both parties signed.")], home: Home = HERE
) -> dict[str, Any]:
    """Give the running node an agreement."""
    from tongban.federation.cli import held

    with admin_door(home) as client:
        return held.take(client, file, "agreement")


@command(app, "list")
def list_rows(home: Home = HERE) -> list[dict[str, Any]]:
    """List the rows of the agreements that the running node holds: who may ask or hand over what."""
    from tongban.core.times import moment, wall_clock
    from tongban.federation.cli import held

    with admin_door(home) as client:
        found = [one for one in held.documents(client, "agreement/") if moment(one.expires_at) > wall_clock()]
    return [row for document in found for row in _rows(document.agreement)]


def _rows(agreement: "Agreement") -> list[dict[str, Any]]:
    return [
        *(_lookup(agreement.name, row) for row in agreement.lookups),
        *(_case(agreement.name, row) for row in agreement.cases),
    ]


def _lookup(name: str, row: "LookupRow") -> dict[str, Any]:
    return {
        "agreement": name,
        "row": row.id,
        "member": row.asking,
        "may": f"ask {row.answering}",
        "what": [row.method],
        "for": ", ".join(row.purposes),
        "consent": row.consent_required,
        "per_minute": row.per_minute or "",
        "until": row.until,
    }


def _case(name: str, row: "CaseRow") -> dict[str, Any]:
    from tongban.api.catalogue.v1.catalogue_pb2 import Mode
    from tongban.federation.cli import words

    return {
        "agreement": name,
        "row": row.id,
        "member": row.intake,
        "may": f"take cases in for {row.handling}",
        "what": list(row.items),
        "for": words.named(Mode, row.mode),
        "consent": False,
        "per_minute": "",
        "until": row.until,
    }
