"""The second step: whose is it? This member's, or a peer's."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from tongban.api.catalogue.v1.catalogue_pb2 import DecidingFact, Item
from tongban.core import codes
from tongban.core.arity import UNARY, Arity
from tongban.core.errors import Refusal
from tongban.core.identifiers import division_covers, division_name
from tongban.federation.calls import Call, Door
from tongban.federation.exchange import messages
from tongban.federation.policies import LOOKUP, POLICIES, Kind, Policy
from tongban.federation.trust.view import TrustView

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is answered, and the policy of its method."""

    member: str
    here: bool
    policy: Policy
    arity: Arity = UNARY
    """How a method of another member streams."""


def locate(call: Call, view: TrustView, member: str, now: datetime, own: Container[str]) -> Place:
    """Return where a call is answered; `own` are the methods that this member answers itself.

    Raises:
        Refusal: METHOD_UNKNOWN, and for a peer DIRECTORY_MISSING, DIRECTORY_EXPIRED, MEMBER_UNKNOWN,
            MESSAGE_MISADDRESSED.
    """
    policy = POLICIES.get(call.method, LOOKUP)
    if call.question is not None and call.question.header.receiver != member:
        messages.check_passable(call.question.header, member)
        return Place(view.member(call.question.header.receiver, now).id, False, policy)
    if call.door not in policy.doors:
        raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method}, member=member)
    if call.door is not Door.WINDOWS or policy.kind is not Kind.LOOKUP or call.context.to in ("", member):
        if call.method not in own:
            raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method}, member=member)
        return Place(member, True, policy)
    asked = view.member(call.context.to, now).id
    arity = view.arity(asked, call.method)
    if arity is None:
        raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method, "member": asked})
    return Place(asked, False, policy, arity)


def authority(view: TrustView, item: str, place: str, named: str) -> tuple[str, Item]:
    """Return the member whose matter an item at a place is 业务属地, and the item as it publishes it.

    A member that the window named must be the right one.

    Raises:
        Refusal: ITEM_UNKNOWN, WRONG_AUTHORITY with the right one, PLACE_AMBIGUOUS.
    """
    publishers = {member: one for (member, code), one in view.items.items() if code == item}
    if not publishers:
        raise Refusal(codes.ITEM_UNKNOWN, {"item": item})
    competent = sorted(
        member for member, one in publishers.items() if any(division_covers(own, place) for own in one.places)
    )
    if not competent or (named and named not in competent):
        raise _wrong_authority(view, publishers, competent, item, place, named)
    if len(competent) > 1 and not named:
        raise Refusal(codes.PLACE_AMBIGUOUS, {"item": item, "place": place, "members": _some(competent)})
    right = named or competent[0]
    return right, publishers[right]


def _covers(item: Item, place: str) -> bool:
    return any(division_covers(own, place) for own in item.places)


def _wrong_authority(
    view: TrustView, publishers: dict[str, Item], competent: list[str], item: str, place: str, named: str
) -> Refusal:
    right = _some([view.title(member) for member in competent or sorted(publishers)])
    asked = view.title(named) if named else "any member of the federation"
    facts = {
        "asked": asked,
        "item": item,
        "place": f"{place} {division_name(place) or ''}".strip(),
        "right": right if competent else f"no member; elsewhere the item is handled by {right}",
        "right_member": ",".join(competent[:_MOST_NAMED]),
        "fact": DecidingFact.Name(next(iter(publishers.values())).deciding_fact).removeprefix("DECIDING_FACT_").lower(),
    }
    return Refusal(codes.WRONG_AUTHORITY, facts)


def _some(names: Sequence[str]) -> str:
    """Name a few, and count the others."""
    others = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {others} more" if others > 0 else "")
