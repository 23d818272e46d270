"""Produce 0-2: no transactional id; version 0 tells no throttle time, version 2 the time of appending."""

from typing import Final

from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import Records, TZAware, i16, i32, i32Timedelta, i64

from protocol.legacy.shape import Pairs, at_version, of, request, response


@request(0, 0, nested=True)
class PartitionProduceData:
    """Message sets: in version 0 and 1 of magic 0, in version 2 of magic 0 or 1."""

    index: i32 = of("int32")
    records: Records | None = of("records")


@request(0, 0, nested=True)
class TopicProduceData:
    """What goes to one topic."""

    name: TopicName = of("string")
    partition_data: tuple[PartitionProduceData, ...]


@request(0, 0)
class ProduceRequestV0:
    """The request of version 0."""

    acks: i16 = of("int16")
    timeout: i32Timedelta = of("timedelta_i32")
    topic_data: tuple[TopicProduceData, ...]


@response(0, 0, nested=True)
class PartitionProduceResponseV0:
    """Version 0 and 1."""

    index: i32 = of("int32")
    error_code: ErrorCode = of("error_code")
    base_offset: i64 = of("int64")


@response(0, 0, nested=True)
class TopicProduceResponseV0:
    """Version 0 and 1."""

    name: TopicName = of("string")
    partition_responses: tuple[PartitionProduceResponseV0, ...]


@response(0, 0)
class ProduceResponseV0:
    """The answer of version 0."""

    responses: tuple[TopicProduceResponseV0, ...]


@response(0, 1)
class ProduceResponseV1:
    """The answer of version 1."""

    responses: tuple[TopicProduceResponseV0, ...]
    throttle_time: i32Timedelta = of("timedelta_i32")


@response(0, 2, nested=True)
class PartitionProduceResponseV2:
    """Version 2."""

    index: i32 = of("int32")
    error_code: ErrorCode = of("error_code")
    base_offset: i64 = of("int64")
    log_append_time: TZAware | None = of("datetime_i64", default=None)


@response(0, 2, nested=True)
class TopicProduceResponseV2:
    """Version 2."""

    name: TopicName = of("string")
    partition_responses: tuple[PartitionProduceResponseV2, ...]


@response(0, 2)
class ProduceResponseV2:
    """The answer of version 2."""

    responses: tuple[TopicProduceResponseV2, ...]
    throttle_time: i32Timedelta = of("timedelta_i32")


VERSIONS: Final[Pairs] = (
    (ProduceRequestV0, ProduceResponseV0),
    (at_version(1, ProduceRequestV0), ProduceResponseV1),
    (at_version(2, ProduceRequestV0), ProduceResponseV2),
)
