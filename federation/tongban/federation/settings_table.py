"""What every table of node.toml is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Address = Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")]


class Table(BaseModel):
    """A table: no key is converted, none is passed over, none changes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
