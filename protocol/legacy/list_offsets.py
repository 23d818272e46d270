"""ListOffsets 0: up to so many offsets of segments before a time, instead of one offset at a time."""

from typing import Final

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32, i64

from protocol.legacy.shape import Pairs, of, request, response


@request(2, 0, nested=True)
class ListOffsetsPartition:
    """What is asked of one partition."""

    partition_index: i32 = of("int32")
    timestamp: i64 = of("int64")
    max_num_offsets: i32 = of("int32", default=i32(1))


@request(2, 0, nested=True)
class ListOffsetsTopic:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partitions: tuple[ListOffsetsPartition, ...]


@request(2, 0)
class ListOffsetsRequestV0:
    """The request."""

    replica_id: BrokerId = of("int32")
    topics: tuple[ListOffsetsTopic, ...]


@response(2, 0, nested=True)
class ListOffsetsPartitionResponse:
    """The offsets of one partition, the newest first."""

    partition_index: i32 = of("int32")
    error_code: ErrorCode = of("error_code")
    old_style_offsets: tuple[i64, ...] = of("int64", default=())


@response(2, 0, nested=True)
class ListOffsetsTopicResponse:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partitions: tuple[ListOffsetsPartitionResponse, ...]


@response(2, 0)
class ListOffsetsResponseV0:
    """The answer."""

    topics: tuple[ListOffsetsTopicResponse, ...]


VERSIONS: Final[Pairs] = ((ListOffsetsRequestV0, ListOffsetsResponseV0),)
