"""Cases 办件 at this node: taken in, handed over, put in order, handled, shown."""
