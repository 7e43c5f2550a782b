"""Passing on what one peer asks another: who may, how far, and with which hop. No body is opened here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tongban.api.exchange.v1.exchange_pb2 import Header, Hop
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.hops import hop_leaf, wrong_hop
from tongban.core.sealing import Keys
from tongban.federation.calls import Outcome, Question
from tongban.federation.exchange.asking import Asking, NotAnswered
from tongban.federation.exchange.routes import Routes
from tongban.federation.flush import Flush

MOST_HOPS = 3
"""So many members may pass a message on."""


def last_hand(asked: Question) -> str:
    """Return the member whose connection must have brought a message."""
    return asked.hops[-1].member if asked.hops else asked.header.sender


def check_hops(keys: Keys, asked: Question, member: str) -> None:
    """Refuse a message whose way is not what its relays sealed, or that goes round or too far.

    Raises:
        Refusal: MESSAGE_ALTERED, MESSAGE_LOOPED.
    """
    if not asked.hops:
        return
    if wrong := wrong_hop(keys, asked.message.header, asked.hops):
        what = "no key that the directory lists for it fits the seal of its hop"
        raise Refusal(codes.MESSAGE_ALTERED, {"member": wrong, "what": what})
    _check_round(asked.header, [hop.member for hop in asked.hops], member)


@dataclass(frozen=True, slots=True)
class Relay:
    """Passes on messages of other members."""

    member: str
    served: frozenset[str]
    """Members for whom it does: what they ask, and what they are asked."""
    routes: Routes
    asking: Asking
    flush: Flush

    def permit(self, asked: Question) -> None:
        """Refuse what is not to be passed on.

        Raises:
            Refusal: RELAY_CLOSED, MESSAGE_LOOPED.
        """
        header = asked.header
        if not {header.sender, header.receiver} & self.served:
            facts = {"relay": self.member, "sender": header.sender, "receiver": header.receiver}
            raise Refusal(codes.RELAY_CLOSED, facts)
        way = [*(hop.member for hop in asked.hops), self.member]
        _check_round(header, way, self.routes.next(header.receiver))

    async def pass_on(self, asked: Question, seconds: float) -> Outcome:
        """Return what came of a question that was handed on with this member's hop, in what is left of its time."""
        end = asyncio.get_running_loop().time() + seconds
        hops = [*asked.hops, await self._hop(asked)]
        left = end - asyncio.get_running_loop().time()
        try:
            return Outcome(exchanged=await self.asking.pass_on(asked, hops, left))
        except NotAnswered as error:
            return Outcome(exchanged=error.exchanged, refusal=error.refusal)

    async def _hop(self, asked: Question) -> Hop:
        members = [*(hop.member for hop in asked.hops), self.member]
        return Hop(member=self.member, seal=await self.flush.seal(hop_leaf(asked.message.header, members)))


def _check_round(header: Header, way: Sequence[str], to: str) -> None:
    """Refuse a message that would come to somebody for the second time, or that has gone too far."""
    facts = {"sender": header.sender, "receiver": header.receiver}
    met = [header.sender, *way, to]
    again = next((member for place, member in enumerate(met) if member in met[:place]), None)
    if again is not None:
        raise Refusal(codes.MESSAGE_LOOPED, {**facts, "what": f"it would come to {again} twice"})
    if len(way) > MOST_HOPS:
        raise Refusal(codes.MESSAGE_LOOPED, {**facts, "what": f"more than {MOST_HOPS} members would pass it on"})
