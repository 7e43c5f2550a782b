"""How much a node takes on: quotas over time, calls under way at once, messages that may wait."""
