"""What a window says about its calls."""

from dataclasses import asdict, dataclass
from typing import TypedDict

from tongban.api.common.v1.common_pb2 import CallContext


@dataclass(frozen=True, slots=True)
class Context:
    """What a call is for and who makes it; travels with every call as ``tongban-context-bin``."""

    to: str = ""
    """Member that is asked; empty: the node's own. A case names an item and a place instead."""
    purpose: str = ""
    """Why data is looked up, in the words of the agreement's rows."""
    legal_basis: str = ""
    """Statute or rule that a look-up rests on, where the agreement's row asks for one."""
    case_id: str = ""
    """Case 办件 for which data is looked up."""
    consent_id: str = ""
    """Reference of the subject's consent 授权, where the agreement's row asks for one."""
    officer: str = ""
    """Account of the officer 经办人员 who acts, as the window's own system knows the person. No personal number."""

    def message(self) -> CallContext:
        """Return the context as it travels."""
        return CallContext(**asdict(self))


class Options(TypedDict, total=False):
    """What a call may say otherwise than its client."""

    officer: str
    """As in `Context`."""
    timeout: float
    """Seconds within which the answer is needed."""


class SubmitOptions(Options, total=False):
    """What the intake of a case may say besides."""

    to: str
    """Member that is to handle the case, where several are competent."""


class LookupOptions(Options, total=False):
    """What a look-up may say besides; each as in `Context`."""

    to: str
    purpose: str
    legal_basis: str
    case_id: str
    consent_id: str
