"""The node's log: one JSON object a line on standard error, so that no text can forge a line.

Personal numbers are masked, for texts of errors come from elsewhere, from plugins too.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from tongban.core.identifiers import mask

_PERSONAL_NUMBER = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")


class JsonLines(logging.Formatter):
    """Writes each record as one JSON object."""

    def __init__(self, member: str) -> None:
        super().__init__()
        self._member = member

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "member": self._member,
            "part": record.name,
            "message": _masked(record.getMessage()),
        }
        if record.exc_info:
            entry["inside"] = _masked(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _masked(text: str) -> str:
    return _PERSONAL_NUMBER.sub(lambda found: mask(found[0]), text)


def _says_something(record: logging.LogRecord) -> bool:
    """Leave out what gRPC logs as an error when a caller has left before it could be told how its call ended."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != "ExecuteBatchError"


def set_up(member: str) -> None:
    """Have everything that is logged go to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(member))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for talkative in ("alembic", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_says_something)
