"""Plugins of a node: found, loaded, and run so that one hurts its own cases only."""
