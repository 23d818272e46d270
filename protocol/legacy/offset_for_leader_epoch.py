"""OffsetForLeaderEpoch 0-1: no epoch of the asker and no throttle time; version 0 tells no epoch either."""

from typing import Final

from kio.schema.errors import ErrorCode
from kio.schema.offset_for_leader_epoch.v2.response import OffsetForLeaderTopicResult
from kio.schema.types import TopicName
from kio.static.primitive import i32, i64

from protocol.legacy.shape import Pairs, at_version, of, request, response


@request(23, 0, nested=True)
class OffsetForLeaderPartition:
    """The epoch whose end is asked for."""

    partition: i32 = of("int32")
    leader_epoch: i32 = of("int32")


@request(23, 0, nested=True)
class OffsetForLeaderTopic:
    """The partitions of one topic."""

    topic: TopicName = of("string")
    partitions: tuple[OffsetForLeaderPartition, ...]


@request(23, 0)
class OffsetForLeaderEpochRequestV0:
    """The request of versions 0 and 1."""

    topics: tuple[OffsetForLeaderTopic, ...]


@response(23, 0, nested=True)
class EpochEndOffsetV0:
    """Version 0."""

    error_code: ErrorCode = of("error_code")
    partition: i32 = of("int32")
    end_offset: i64 = of("int64", default=i64(-1))


@response(23, 0, nested=True)
class OffsetForLeaderTopicResultV0:
    """Version 0."""

    topic: TopicName = of("string")
    partitions: tuple[EpochEndOffsetV0, ...]


@response(23, 0)
class OffsetForLeaderEpochResponseV0:
    """The answer of version 0."""

    topics: tuple[OffsetForLeaderTopicResultV0, ...]


@response(23, 1)
class OffsetForLeaderEpochResponseV1:
    """The answer of version 1."""

    topics: tuple[OffsetForLeaderTopicResult, ...]


VERSIONS: Final[Pairs] = (
    (OffsetForLeaderEpochRequestV0, OffsetForLeaderEpochResponseV0),
    (at_version(1, OffsetForLeaderEpochRequestV0), OffsetForLeaderEpochResponseV1),
)
