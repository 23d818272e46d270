"""The doorkeeper itself: sessions, enforcement, authentication, transport, and everything an operator touches."""

__version__ = "0.1.0"
