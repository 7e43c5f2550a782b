"""How calls end that are refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tongban.core.codes import Code
from tongban.core.errors import Refusal


@contextmanager
def refused(code: Code) -> "Iterator[pytest.ExceptionInfo[Refusal]]":
    """Expect a refusal with this code."""
    with pytest.raises(Refusal) as caught:
        yield caught
    assert caught.value.code is code, str(caught.value)
