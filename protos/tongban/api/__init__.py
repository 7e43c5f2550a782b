"""The contracts of Tongban, and the modules generated from them."""

from pathlib import Path


def include_dir() -> Path:
    """Return the ``-I`` folder for protoc, so that a plugin's own .proto can import ours."""
    return Path(__file__).resolve().parent.parent.parent
