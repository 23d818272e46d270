"""OffsetFetch 0: laid out as version 1, but the offsets are those that ZooKeeper holds."""

from typing import Final

from kio.schema.offset_fetch.v1.request import OffsetFetchRequest
from kio.schema.offset_fetch.v1.response import OffsetFetchResponse

from protocol.legacy.shape import Pairs, at_version

VERSIONS: Final[Pairs] = ((at_version(0, OffsetFetchRequest), at_version(0, OffsetFetchResponse)),)
