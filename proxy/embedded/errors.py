"""What goes wrong with an embedded Kafka, in words for a person at a terminal."""


class EmbeddedError(Exception):
    """The embedded Kafka cannot be fetched, started or used; the message tells why, or shows its log."""
