"""What a node answers itself, method by method; `table` is the whole of it."""
