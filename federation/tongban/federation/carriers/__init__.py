"""Carriers bring batches of sealed messages from node to node."""
