"""The durable store of a node: units in, typed rows out.

``units`` has what is written, ``rows`` what is read, ``interface`` the store itself, ``errors`` what may go
wrong, ``sqlite`` the store on one file. Nothing is imported here, because SQLAlchemy is slow to import and the
command line need not wait for it.
"""
