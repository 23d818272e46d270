"""Kafka on the wire: frames, headers, messages and spans of them. No I/O, no policy, no configuration."""
