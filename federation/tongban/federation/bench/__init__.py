"""``tongban bench``: real nodes on this machine, measured against bare gRPC over the same TLS. Data are synthetic."""
