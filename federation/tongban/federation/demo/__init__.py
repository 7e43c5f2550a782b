"""``tongban demo``: a throw-away federation of real nodes, and one cross-province matter from end to end.

All people and firms are synthetic; the items are examples and no official list.
"""
