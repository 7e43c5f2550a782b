"""``tongban case``: cases 办件, as a window's clerk and an officer see them."""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import windows_door
from tongban.federation.cli.options import WindowOptions

if TYPE_CHECKING:
    from tongban.api.cases.v1.acts_pb2 import CaseMaterial
    from tongban.core.client import Client, Decision

app = typer.Typer(help="Work with cases.", no_args_is_help=True)

Number = Annotated[str, Argument(metavar="NUMBER", help="Case id, intake number or case number.")]


class State(Enum):
    """Where a case stands."""

    RECEIVED = "received"
    ARRIVED = "arrived"
    CORRECTION = "correction"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    APPROVED = "approved"
    REJECTED = "rejected"


@command(app, "list")
def list_cases(
    window: WindowOptions,
    state: Annotated[
        list[State] | None, Option(metavar="STATE", help="Only in this state. Repeat it for several.")
    ] = None,
    item: Annotated[str, Option(help="Only of the item with this code.")] = "",
    limit: Annotated[int, Option(min=1, max=1000, help="Most cases to list.")] = 100,
) -> list[dict[str, Any]]:
    """List cases, the ones that changed last first."""
    from tongban.api.cases.v1.cases_pb2 import CaseState
    from tongban.federation.cli import words

    states = [CaseState.Value(f"CASE_STATE_{one.name}") for one in state or []]
    columns = ("case_id", "case_number", "item", "intake", "handling", "state", "updated_at", "hindrance")
    with windows_door(window) as client:
        found = [words.summary(one) for one in client.cases(states=states, item_code=item, limit=limit)]
    return [{column: case[column] for column in columns} for case in found]


@command(app, "show")
def show(number: Number, window: WindowOptions) -> dict[str, Any]:
    """Show a case with its timeline: what its members signed, and what is still on its way."""
    from tongban.api.cases.v1.acts_pb2 import Act, Event
    from tongban.federation.cli import words

    with windows_door(window) as client:
        case = client.case(number)
    timeline = [words.act(Act.FromString(one.act.act), Event.FromString(one.event)) for one in case.events]
    pending = [words.act(Act.FromString(one.act)) for one in case.pending]
    return {**words.summary(case.summary), "timeline": timeline, "on_its_way": pending}


@command(app, "decide")
def decide(
    number: Number,
    window: WindowOptions,
    accept: Annotated[bool, Option("--accept", help="Accept it 受理.")] = False,
    approve: Annotated[str | None, Option(help="Grant it 准予; the text goes into the paper.")] = None,
    reject: Annotated[str | None, Option(help="Do not grant it 不予许可, for this reason, with the remedy.")] = None,
    refuse: Annotated[str | None, Option(help="Do not accept it 不予受理, for this reason.")] = None,
    right_authority: Annotated[str, Option(help="With --refuse: the right authority.")] = "",
    correct: Annotated[
        list[str] | None, Option(metavar="CODE=TEXT", help="Ask for this material or field 补正. Repeat it for each.")
    ] = None,
) -> dict[str, Any]:
    """Record what the officer does with a case of this member."""
    from tongban.federation.cli import words

    decision = _decision(accept, approve, reject, refuse, right_authority, correct)
    with windows_door(window) as client:
        return words.summary(client.decide(_case_id(client, number), decision))


@command(app, "watch")
def watch(
    number: Number, window: WindowOptions, after: Annotated[int, Option(help="Only what comes after this place.")] = 0
) -> Iterator[dict[str, Any]]:
    """Print what happens in a case, as it happens, until the case is closed."""
    from tongban.api.cases.v1.acts_pb2 import Act, Event
    from tongban.api.cases.v1.cases_pb2 import CaseState
    from tongban.federation.cli import words

    with windows_door(window) as client:
        for update in client.watch(_case_id(client, number), after=after):
            event, act = Event.FromString(update.event.event), Act.FromString(update.event.act.act)
            yield {**words.act(act, event), "state": words.named(CaseState, update.summary.state)}


@command(app, "result")
def result(
    number: Number,
    window: WindowOptions,
    out: Annotated[Path | None, Option(help="File for the paper; signature and key are written beside it.")] = None,
) -> dict[str, Any]:
    """Say what paper ended a case, or save it with what OpenSSL needs to verify it."""
    from tongban.federation.cli import papers, words

    with windows_door(window) as client:
        paper = client.result(_case_id(client, number))
        return words.paper(paper) | (papers.save(client, paper, out) if out else {})


@command(app, "materials")
def materials(number: Number, window: WindowOptions) -> list[dict[str, Any]]:
    """List the materials of a case 申请材料, those that are still on their way included."""
    with windows_door(window) as client:
        return [
            {"code": one.code, "name": one.name, "type": one.media_type, "size": one.size, "digest": one.digest}
            for one in _materials(client, number)[1].values()
        ]


@command(app, "material")
def material(
    number: Number,
    code: Annotated[str, Argument(metavar="CODE", help="Code of the material, as `tongban case materials` lists it.")],
    window: WindowOptions,
    out: Annotated[Path, Option(help="File to write; until it is whole, it is beside it and ends in .part.")],
) -> dict[str, Any]:
    """Write a material of a case to a file. One that broke off goes on when the command is given again."""
    with windows_door(window) as client:
        case_id, found = _materials(client, number)
        if code not in found:
            raise typer.BadParameter(f"the case has no material {code}; it has {', '.join(sorted(found)) or 'none'}")
        client.download(case_id, found[code].digest, out)
    return {"file": str(out), "size": found[code].size, "type": found[code].media_type}


def _materials(client: "Client", number: str) -> "tuple[str, Mapping[str, CaseMaterial]]":
    """Return the id of a case, and its materials by code."""
    from tongban.core.case import fold

    case = client.case(number)
    view, _ = fold.add_pending(fold.fold(case.events), list(case.pending))
    return case.summary.case_id, view.materials if view else {}


def _case_id(client: "Client", number: str) -> str:
    return client.case(number).summary.case_id


def _decision(
    accept: bool,
    approve: str | None,
    reject: str | None,
    refuse: str | None,
    right_authority: str,
    correct: list[str] | None,
) -> "Decision":
    from tongban.core import Accept, Approve, Correct, Refuse, Reject

    chosen: list[Decision] = [
        *([Accept()] if accept else []),
        *([Approve(approve)] if approve is not None else []),
        *([Reject(reject)] if reject is not None else []),
        *([Refuse(refuse, right_authority)] if refuse is not None else []),
        *([Correct(_asked(correct))] if correct else []),
    ]
    if len(chosen) != 1:
        raise typer.BadParameter("name one of --accept, --approve, --reject, --refuse, --correct")
    return chosen[0]


def _asked(correct: list[str]) -> dict[str, str]:
    asked = {}
    for one in correct:
        code, equals, text = one.partition("=")
        if not (code and equals and text):
            raise typer.BadParameter("--correct takes CODE=TEXT, as in resolution=请补交股东会决议")
        asked[code] = text
    return asked
