"""WriteTxnMarkers 0: as version 1, but with plain lengths instead of compact ones."""

from typing import Final

from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TopicName
from kio.static.primitive import i16, i32

from protocol.legacy.shape import Pairs, of, request, response


@request(27, 0, nested=True)
class WritableTxnMarkerTopic:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partition_indexes: tuple[i32, ...] = of("int32", default=())


@request(27, 0, nested=True)
class WritableTxnMarker:
    """The end of one transaction."""

    producer_id: ProducerId = of("int64")
    producer_epoch: i16 = of("int16")
    transaction_result: bool = of("bool")
    topics: tuple[WritableTxnMarkerTopic, ...]
    coordinator_epoch: i32 = of("int32")


@request(27, 0)
class WriteTxnMarkersRequestV0:
    """The request."""

    markers: tuple[WritableTxnMarker, ...]


@response(27, 0, nested=True)
class WritableTxnMarkerPartitionResult:
    """What became of the marker in one partition."""

    partition_index: i32 = of("int32")
    error_code: ErrorCode = of("error_code")


@response(27, 0, nested=True)
class WritableTxnMarkerTopicResult:
    """The partitions of one topic."""

    name: TopicName = of("string")
    partitions: tuple[WritableTxnMarkerPartitionResult, ...]


@response(27, 0, nested=True)
class WritableTxnMarkerResult:
    """What became of one marker."""

    producer_id: ProducerId = of("int64")
    topics: tuple[WritableTxnMarkerTopicResult, ...]


@response(27, 0)
class WriteTxnMarkersResponseV0:
    """The answer."""

    markers: tuple[WritableTxnMarkerResult, ...]


VERSIONS: Final[Pairs] = ((WriteTxnMarkersRequestV0, WriteTxnMarkersResponseV0),)
