"""CreateTopics 0-1 and DeleteTopics 0: no throttle time; validation alone and error messages begin with version 1."""

from datetime import timedelta
from typing import Final

from kio.schema.create_topics.v2.request import CreatableTopic, CreateTopicsRequest
from kio.schema.create_topics.v2.response import CreatableTopicResult
from kio.schema.delete_topics.v1.request import DeleteTopicsRequest
from kio.schema.delete_topics.v1.response import DeletableTopicResult
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32Timedelta

from protocol.legacy.shape import Pairs, at_version, of, request, response


@request(19, 0)
class CreateTopicsRequestV0:
    """The request of version 0."""

    topics: tuple[CreatableTopic, ...]
    timeout: i32Timedelta = of("timedelta_i32", default=i32Timedelta.parse(timedelta(minutes=1)))


@response(19, 0, nested=True)
class CreatableTopicResultV0:
    """What became of one topic."""

    name: TopicName = of("string")
    error_code: ErrorCode = of("error_code")


@response(19, 0)
class CreateTopicsResponseV0:
    """The answer of version 0."""

    topics: tuple[CreatableTopicResultV0, ...]


@response(19, 1)
class CreateTopicsResponseV1:
    """The answer of version 1."""

    topics: tuple[CreatableTopicResult, ...]


@response(20, 0)
class DeleteTopicsResponseV0:
    """The answer of version 0."""

    responses: tuple[DeletableTopicResult, ...]


CREATE_VERSIONS: Final[Pairs] = (
    (CreateTopicsRequestV0, CreateTopicsResponseV0),
    (at_version(1, CreateTopicsRequest), CreateTopicsResponseV1),
)
DELETE_VERSIONS: Final[Pairs] = ((at_version(0, DeleteTopicsRequest), DeleteTopicsResponseV0),)
