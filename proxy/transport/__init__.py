"""Sockets, TLS and time: everything around a session that touches the world.

An *acceptor* takes connections from one listening socket; the *reception* of its listener looks at their first bytes,
does the TLS handshake and finds out which broker is wanted; a *connection* is the shell around one session: it has a
client side and a broker side, performs the session's commands and carries the flow control between the two.
*Discovery* keeps the topology up to date.
"""
