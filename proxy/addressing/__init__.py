"""Which broker is meant and where clients find it. Pure: no sockets, no clock."""
