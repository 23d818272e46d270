"""Streams groups (KIP-1071): the coordinator makes the internal topics of a topology, so it is asked who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import ResourceType
from protocol.apis import ApiKey
from protocol.refusals import refuse
from protocol.splice import Message
from proxy.enforcement.apis.group_descriptions import HideGroups
from proxy.enforcement.apis.names import INTERNAL_TOPICS, ask_topics, missing_topics
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Annotate, Cut, field_of, itself, refusal, refused
from proxy.enforcement.operations import GROUP_OPERATIONS
from proxy.enforcement.rights import CREATE_CLUSTER, CREATE_TOPIC, DESCRIBE_GROUP, DESCRIBE_TOPIC, READ_GROUP
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_HIDDEN_TOPICS: Final = "The described group uses topics that the client is not authorized to describe."
_INTERNAL: Final = "Use of Kafka internal topics {} in a Kafka Streams topology is prohibited."
_MAY_NOT_CREATE: Final = "Unauthorized to CREATE on topics {}."
_TELL_THE_TOPOLOGY: Final = "The topology of this group is not known here; it is asked for again."


def judge_streams_heartbeat(call: Call) -> Verdict:
    """Judge a StreamsGroupHeartbeat."""
    request = call.request
    if not call.access.allows(READ_GROUP, request.group_id):
        return Answer(refusal(call, READ_GROUP.error))
    if request.topology is None:
        return _judge_known(call)
    names = list(dict.fromkeys(_all_topics(request.topology)))
    internal = [name for name in names if name in INTERNAL_TOPICS]
    if internal:
        message = _INTERNAL.format(",".join(internal))
        return _refused(call, ErrorCode.streams_invalid_topology, message)
    # All of them are asked, so that the audit trail has every topic that is missing.
    if [name for name in names if not call.access.allows(DESCRIBE_TOPIC, name)]:
        return Answer(refusal(call, DESCRIBE_TOPIC.error))
    made = tuple(dict.fromkeys(_made_topics(request.topology)))
    call.facts.topologies.learn(request.group_id, made)
    return _judge_creation(call, made)


def _judge_known(call: Call) -> Verdict:
    """The coordinator makes missing topics at any heartbeat, by the topology that it was told before."""
    request = call.request
    if request.member_epoch < 0 or call.access.holds(CREATE_CLUSTER):
        return call.forward()
    made = call.facts.topologies.made(request.group_id)
    if made is None:
        # A member that is not known joins anew, and tells its topology.
        return _refused(call, ErrorCode.unknown_member_id, _TELL_THE_TOPOLOGY)
    return _judge_creation(call, made)


def _judge_creation(call: Call, made: tuple[str, ...]) -> Verdict:
    if call.access.holds(CREATE_CLUSTER):
        return call.forward()
    forbidden = [name for name in made if not call.access.allows(CREATE_TOPIC, name, quiet=True)]
    if not forbidden:
        return call.forward()

    def decide(found: Message) -> Verdict:
        missing = missing_topics(found)
        denied = [name for name in forbidden if name in missing and not call.access.allows(CREATE_TOPIC, name)]
        if not denied:
            return call.forward()
        return _refused(call, CREATE_TOPIC.error, _MAY_NOT_CREATE.format(", ".join(denied)))

    question = ask_topics(call, forbidden, decide)
    return question if question is not None else Answer(refusal(call, CREATE_TOPIC.error))


def _refused(call: Call, error: ErrorCode, message: str) -> Verdict:
    return Answer(refuse(call.head.api_key, call.version, call.request, error, message))


def _all_topics(topology: Any) -> Iterator[str]:
    for part in topology.subtopologies or ():
        yield from part.source_topics
        yield from part.repartition_sink_topics
    yield from _made_topics(topology)


def _made_topics(topology: Any) -> Iterator[str]:
    for part in topology.subtopologies or ():
        for topic in (*part.repartition_source_topics, *part.state_changelog_topics):
            yield topic.name


def _described_topics(group: Any) -> Iterator[str]:
    if group.topology is not None:
        yield from _all_topics(group.topology)


_NO_RESOURCE: Final = "the name of a property, not of a resource"
_TOPOLOGY: Final = "topology.subtopologies"

RULES: Final = (
    ApiRule(
        ApiKey.STREAMS_GROUP_HEARTBEAT,
        judge=judge_streams_heartbeat,
        summary=(
            "Read Group, else GROUP_AUTHORIZATION_FAILED. Describe Topic on every topic of the topology, else "
            "TOPIC_AUTHORIZATION_FAILED for the whole request. Create Cluster, else Create Topic on each internal "
            "topic that is missing, else TOPIC_AUTHORIZATION_FAILED."
        ),
        claims=frozenset(
            {
                "group_id",
                f"{_TOPOLOGY}.source_topics",
                f"{_TOPOLOGY}.repartition_sink_topics",
                f"{_TOPOLOGY}.repartition_source_topics.name",
                f"{_TOPOLOGY}.state_changelog_topics.name",
            }
        ),
        exempt=(
            ("client_tags.key", _NO_RESOURCE),
            (f"{_TOPOLOGY}.repartition_source_topics.topic_configs.key", _NO_RESOURCE),
            (f"{_TOPOLOGY}.state_changelog_topics.topic_configs.key", _NO_RESOURCE),
        ),
    ),
    ApiRule(
        ApiKey.STREAMS_GROUP_DESCRIBE,
        (
            Cut("group_ids", DESCRIBE_GROUP, "groups", itself, refused("groups", named="group_id"), first=True),
            HideGroups(_described_topics, _HIDDEN_TOPICS),
            Annotate(
                "groups",
                GROUP_OPERATIONS,
                ResourceType.GROUP,
                field_of("group_id"),
                asked=lambda request: bool(request.include_authorized_operations),
            ),
        ),
        claims=frozenset({"group_ids"}),
    ),
)
