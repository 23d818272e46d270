"""OffsetCommit 0-1: version 0 stores in ZooKeeper and knows no members, version 1 has a time for each partition."""

from typing import Final

from kio.schema.offset_commit.v2.response import OffsetCommitResponse
from kio.schema.types import GroupId, TopicName
from kio.static.primitive import i32, i64

from protocol.legacy.shape import Pairs, at_version, of, request


@request(8, 0, nested=True)
class OffsetCommitRequestPartitionV0:
    """The offset of one partition."""

    partition_index: i32 = of("int32")
    committed_offset: i64 = of("int64")
    committed_metadata: str | None = of("string")


@request(8, 0, nested=True)
class OffsetCommitRequestTopicV0:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partitions: tuple[OffsetCommitRequestPartitionV0, ...]


@request(8, 0)
class OffsetCommitRequestV0:
    """The request of version 0."""

    group_id: GroupId = of("string")
    topics: tuple[OffsetCommitRequestTopicV0, ...]


@request(8, 1, nested=True)
class OffsetCommitRequestPartitionV1:
    """The offset of one partition, and when it was committed."""

    partition_index: i32 = of("int32")
    committed_offset: i64 = of("int64")
    commit_timestamp: i64 = of("int64", default=i64(-1))
    committed_metadata: str | None = of("string")


@request(8, 1, nested=True)
class OffsetCommitRequestTopicV1:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partitions: tuple[OffsetCommitRequestPartitionV1, ...]


@request(8, 1)
class OffsetCommitRequestV1:
    """The request of version 1."""

    group_id: GroupId = of("string")
    generation_id_or_member_epoch: i32 = of("int32", default=i32(-1))
    member_id: str = of("string")
    topics: tuple[OffsetCommitRequestTopicV1, ...]


VERSIONS: Final[Pairs] = (
    (OffsetCommitRequestV0, at_version(0, OffsetCommitResponse)),
    (OffsetCommitRequestV1, at_version(1, OffsetCommitResponse)),
)
