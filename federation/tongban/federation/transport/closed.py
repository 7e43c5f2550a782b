"""How a door says that it cannot be opened."""


class DoorClosed(Exception):
    """A door cannot be opened; the text says which and what to do."""
