"""Known attacks are made on a doorkeeper of its own process, in front of a real Kafka 1.1.1 and a real 4.1.0."""

from __future__ import annotations

from tests.integration.conftest import door, doors, topic

__all__ = ["door", "doors", "topic"]
