"""The node, its storage, transports, operations and command line."""
