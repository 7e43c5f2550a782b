"""What a window developer writes with: a client of the node, with asyncio or without.

People, decisions and refusals are those of `tongban.core`: `Party`, `Approve`, `Refusal`. Cases, items and papers are
messages of the contracts.
"""

from tongban.core.client._materials import MATERIAL_LIMIT, Progress, Source
from tongban.core.client._requests import Decision, Verified
from tongban.core.client.admin_client import AdminClient
from tongban.core.client.async_client import AsyncClient
from tongban.core.client.context import Context, LookupOptions, Options, SubmitOptions
from tongban.core.client.papers import SavedPaper, save_paper
from tongban.core.client.sync_client import Client

__all__ = [
    "MATERIAL_LIMIT",
    "AdminClient",
    "AsyncClient",
    "Client",
    "Context",
    "Decision",
    "LookupOptions",
    "Options",
    "Progress",
    "SavedPaper",
    "Source",
    "SubmitOptions",
    "Verified",
    "save_paper",
]
