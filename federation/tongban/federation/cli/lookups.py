"""``tongban identity`` and ``tongban credit``: look-ups, as a window asks them."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import windows_door
from tongban.federation.cli.options import LookupOptions, WindowOptions

identity = typer.Typer(help="Verify identities.", no_args_is_help=True)
credit = typer.Typer(help="Query credit records.", no_args_is_help=True)


@command(identity, "verify")
def verify(
    name: Annotated[str, Argument(metavar="NAME", help="Name of the person or organisation.")],
    number: Annotated[
        str, Argument(metavar="NUMBER", help="Resident identity number or credit code; - reads it from standard input.")
    ],
    window: WindowOptions,
    why: LookupOptions,
    organisation: Annotated[bool, Option("--organisation", help="It is an organisation.")] = False,
) -> dict[str, Any]:
    """Ask whether name and number belong together. The answer is a verdict, never data."""
    from tongban.api.identity.v1.identity_pb2 import Assertion
    from tongban.core.identifiers import mask, mask_name
    from tongban.federation.cli import words

    number = sys.stdin.readline().strip() if number == "-" else number
    with windows_door(window) as client:
        ask = client.verify_organisation if organisation else client.verify_person
        found = ask(name, number, **_said(why))
    assertion = Assertion.FromString(found.assertion.assertion)
    return {
        "name": name if organisation else mask_name(name),
        "number": number if organisation else mask(number),
        "verdict": found.verdict.name.lower()
        if found.verdict
        else "unavailable: no negative; verify by hand or ask again",
        "verified_by": assertion.member,
        "verified_at": words.when(assertion.verified_at),
        "assertion": assertion.assertion_id,
        "expires_at": words.when(assertion.expires_at),
    }


@command(credit, "query")
def query(
    credit_code: Annotated[str, Argument(metavar="CODE", help="Unified social credit code 统一社会信用代码.")],
    window: WindowOptions,
    why: LookupOptions,
) -> dict[str, Any]:
    """Ask for the credit records of an organisation that may be used in handling a matter."""
    from tongban.api.credit.v1.credit_pb2 import Availability, RecordKind
    from tongban.federation.cli import words

    with windows_door(window) as client:
        found = client.query_credit(credit_code, **_said(why))
    return {
        "credit_code": credit_code,
        "availability": words.named(Availability, found.availability),
        "obtained_at": words.when(found.obtained_at),
        "expires_at": words.when(found.expires_at),
        "records": [
            {
                "kind": words.named(RecordKind, one.kind),
                "title": one.title,
                "authority": one.authority,
                "recorded_on": one.recorded_on,
                "shown_until": one.shown_until,
            }
            for one in found.records
        ],
    }


def _said(why: LookupOptions) -> dict[str, Any]:
    return {key: value for key, value in asdict(why).items() if value}
