"""The page of error codes, from the error catalogue."""

from grpc import StatusCode

from pages.markdown import prose, table
from tongban.core.codes import CATALOGUE, Code

_STATUS = {status.value[0]: status.name for status in StatusCode}


def text() -> str:
    """Return one row for each code, in the catalogue's order."""
    heading = ["Code", "gRPC status", "Repeat", "What happened", "What to do"]
    return table(heading, map(_row, CATALOGUE.values()))


def _row(code: Code) -> list[str]:
    happened = f"{prose(code.message)}<br>{prose(code.message_zh)}"
    remedy = f"{prose(code.remedy)}<br>{prose(code.remedy_zh)}"
    return [f"`{code.name}`", f"`{_STATUS[code.status]}`", "yes" if code.retryable else "no", happened, remedy]
