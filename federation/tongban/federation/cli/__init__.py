"""The command line, ``tongban``: it asks the running node, and opens no node's database."""

from tongban.federation.cli.app import app

__all__ = ["app"]
