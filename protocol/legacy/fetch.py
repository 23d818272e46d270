"""Fetch 0-3: no isolation level and no transactions; version 1 tells the throttle time, version 3 limits the answer."""

from typing import Final

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import Records, i32, i32Timedelta, i64

from protocol.legacy.shape import Pairs, at_version, of, request, response


@request(1, 0, nested=True)
class FetchPartition:
    """Where to read from, and how much."""

    partition: i32 = of("int32")
    fetch_offset: i64 = of("int64")
    partition_max_bytes: i32 = of("int32")


@request(1, 0, nested=True)
class FetchTopic:
    """The partitions of one topic."""

    topic: TopicName = of("string")
    partitions: tuple[FetchPartition, ...]


@request(1, 0)
class FetchRequestV0:
    """The request of versions 0 to 2."""

    replica_id: BrokerId = of("int32", default=BrokerId(-1))
    max_wait: i32Timedelta = of("timedelta_i32")
    min_bytes: i32 = of("int32")
    topics: tuple[FetchTopic, ...]


@request(1, 3)
class FetchRequestV3:
    """The request of version 3."""

    replica_id: BrokerId = of("int32", default=BrokerId(-1))
    max_wait: i32Timedelta = of("timedelta_i32")
    min_bytes: i32 = of("int32")
    max_bytes: i32 = of("int32", default=i32(2147483647))
    topics: tuple[FetchTopic, ...]


@response(1, 0, nested=True)
class PartitionData:
    """Message sets, the last of which may be cut anywhere; up to version 1 of magic 0."""

    partition_index: i32 = of("int32")
    error_code: ErrorCode = of("error_code")
    high_watermark: i64 = of("int64")
    records: Records | None = of("records")


@response(1, 0, nested=True)
class FetchableTopicResponse:
    """The partitions of one topic."""

    topic: TopicName = of("string")
    partitions: tuple[PartitionData, ...]


@response(1, 0)
class FetchResponseV0:
    """The answer of version 0."""

    responses: tuple[FetchableTopicResponse, ...]


@response(1, 1)
class FetchResponseV1:
    """The answer of versions 1 to 3."""

    throttle_time: i32Timedelta = of("timedelta_i32")
    responses: tuple[FetchableTopicResponse, ...]


VERSIONS: Final[Pairs] = (
    (FetchRequestV0, FetchResponseV0),
    (at_version(1, FetchRequestV0), FetchResponseV1),
    (at_version(2, FetchRequestV0), at_version(2, FetchResponseV1)),
    (FetchRequestV3, at_version(3, FetchResponseV1)),
)
