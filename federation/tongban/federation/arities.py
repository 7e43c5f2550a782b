"""How a method streams that a window calls: its own member's, or that of the member whom it asks."""

from collections.abc import Mapping

from tongban.core.arity import UNARY, Arity
from tongban.federation.trust.keeper import Keeper


class Arities:
    """Knows the methods of this member's plugins, and those that other members publish."""

    def __init__(self, member: str, keeper: Keeper, own: Mapping[str, Arity]) -> None:
        self._member = member
        self._keeper = keeper
        self._own = own

    def arity(self, method: str, to: str) -> Arity:
        """Return how a method of the member `to`, or of this one, streams; one that nobody knows is unary."""
        if to in ("", self._member):
            return self._own.get(method, UNARY)
        return self._keeper.view.arity(to, method) or UNARY
