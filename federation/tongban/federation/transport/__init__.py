"""Transports are adapters: they turn what comes in at a door into a `Call`, and a `Reply` into what goes out."""
