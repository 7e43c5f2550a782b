"""What a caller is told of an error: a refusal as it is, of anything else a reference to the node's log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.store.errors import StoreFailed

log = logging.getLogger(__name__)


@contextmanager
def store_failures_told(member: str) -> Iterator[None]:
    """Have a failure of the store leave as a refusal of this member's node.

    Raises:
        Refusal: STORE_FAILED.
    """
    try:
        yield
    except StoreFailed as error:
        raise refusal_for(error, member) from None


def refusal_for(error: Exception, member: str) -> Refusal:
    """Return the refusal for whatever was raised at the node of this member."""
    if isinstance(error, Refusal):
        return error
    reference = uuid4().hex[:12]
    log.error("reference %s: %s", reference, type(error).__name__, exc_info=error)
    code = codes.STORE_FAILED if isinstance(error, StoreFailed) else codes.INTERNAL
    return replace(Refusal(code), reference=reference, member=member)
