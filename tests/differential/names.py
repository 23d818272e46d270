"""What stands on both sides before each test, and names that requests may use."""

from __future__ import annotations

from typing import Final

PARTITIONS: Final = {"a": 2, "a.1": 1, "a.2": 1, "ab": 1, "b": 2, "b.1": 1, "c": 1}
"""The topics that exist, each with a record in its first partition."""

INTERNAL: Final = ("__consumer_offsets", "__transaction_state")
MISSING: Final = ("a.new", "ab.new", "b.new", "c.new", "zz")
IMPOSSIBLE: Final = ("", "..", "bad name", "n" * 250)
TOPICS: Final = (*PARTITIONS, *MISSING, "__consumer_offsets")
PREFIXES: Final = ("a", "a.", "ab", "b", "b.1", "c", "z", "_")

GROUPS: Final = ("a", "a.g", "ab.g", "b", "b.g", "c.g", "zz.g")
SHARE_GROUPS: Final = ("a.share", "b.share", "ab.share")
SHARE_MEMBER: Final = "AAAAAAAAAAAAAAAAAAAAQQ"
"""The one member that share groups have in scripts."""

TRANSACTIONAL_IDS: Final = ("a", "a.t", "ab.t", "b", "b.t", "c.t")
