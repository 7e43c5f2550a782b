"""The page of policies: what each method needs, and whether it leaves evidence."""

from itertools import groupby

from pages.markdown import prose, table
from tongban.api.admin.v1.admin_pb2 import WindowRole
from tongban.federation.calls import Door
from tongban.federation.policies import KINDS, LOOKUP, POLICIES, Kind, Policy

_HEADING = ["Method", "Kind", "Doors", "Roles", "Officer", "Evidence"]


def text() -> str:
    """Return what the kinds mean, and a section for each service."""
    kinds = table(["Kind", "Meaning"], ([kind.value, prose(KINDS[kind])] for kind in Kind))
    services = groupby(POLICIES, key=_service)
    sections = [f"## {name}\n\n{table(_HEADING, map(_row, methods))}" for name, methods in services]
    others = f"## Methods of plugins, and of other members\n\n{table(_HEADING, [['any', *_cells(LOOKUP)]])}"
    return "\n\n".join([f"## Kinds\n\n{kinds}", *sections, others])


def _service(method: str) -> str:
    return method[1:].partition("/")[0].rpartition(".")[2]


def _row(method: str) -> list[str]:
    return [f"`{method.rpartition('/')[2]}`", *_cells(POLICIES[method])]


def _cells(policy: Policy) -> list[str]:
    doors = ", ".join(door.value for door in Door if door in policy.doors)
    roles = " or ".join(WindowRole.Name(role).removeprefix("WINDOW_ROLE_").lower() for role in sorted(policy.roles))
    any_window = "any" if Door.WINDOWS in policy.doors else "–"
    return [policy.kind.value, doors, roles or any_window, _yes(policy.officer), _yes(policy.recorded)]


def _yes(value: bool) -> str:
    return "yes" if value else "no"
