"""Whom a node trusts, and what they say: directory, catalogues and agreements."""
