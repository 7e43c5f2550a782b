"""The table ``[materials]`` of node.toml."""

from pydantic import Field

from tongban.federation.settings_table import Table


class Materials(Table):
    """Room for materials. They are files in the folder materials, beside the database."""

    total_bytes: int = Field(
        100 << 30, ge=0, description="Most bytes that all materials at the node take, parts of them included."
    )
    window_bytes: int = Field(
        20 << 30, ge=0, description="Most bytes of uploads of one window that no case names yet, parts included."
    )
    free_bytes: int = Field(
        512 << 20, ge=0, description="Bytes of the disk that materials leave to everything else, as the database."
    )
    upload_seconds: float = Field(
        86_400.0, gt=0, description="Seconds that an upload is kept, whole or in part, before a case names it."
    )
