"""Creating topics and partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.refusals import refused_item
from protocol.splice import Item, Message
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import forward_kept
from proxy.enforcement.rights import ALTER_TOPIC, CREATE_CLUSTER, CREATE_TOPIC, DESCRIBE_CONFIGS_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, AnswerEdit, Verdict

_WITH_CONFIGS: Final = 5
_RAFT_METADATA: Final = "__cluster_metadata"
_DUPLICATE: Final = "Duplicate topic name."


def judge_create_topics(call: Call) -> Verdict:
    """Judge a CreateTopics: Create on the cluster opens all of it, whatever is said of topics."""
    items = call.message.items("topics")
    times = Counter(item.value.name for item in items)
    everything = call.access.holds(CREATE_CLUSTER)
    kept: list[Item] = []
    malformed: dict[str, Any] = {}
    denied: list[Any] = []
    for item in items:
        topic = item.value
        if times[topic.name] > 1 or topic.name == _RAFT_METADATA:
            message = _DUPLICATE if times[topic.name] > 1 else f"Creation of internal topic {topic.name} is prohibited."
            malformed[topic.name] = _refused(call, topic, ErrorCode.invalid_request, message)
        elif everything or call.access.allows(CREATE_TOPIC, topic.name):
            kept.append(item)
        else:
            denied.append(_refused(call, topic, CREATE_TOPIC.error, "Authorization failed."))
    entries = [*malformed.values(), *denied]
    if entries and not kept:
        return Answer(call.build_answer(topics=tuple(entries)))
    if entries:
        items.keep(kept)
    return call.forward(_finish_creation(call, entries))


def _refused(call: Call, topic: Any, error: ErrorCode, message: str) -> Any:
    entry = refused_item(call.answer_item("topics"), topic, error, message)
    if call.version < _WITH_CONFIGS:
        return entry
    return replace(entry, num_partitions=-1, replication_factor=-1, configs=())


def _finish_creation(call: Call, entries: Sequence[Any]) -> AnswerEdit:
    """Blank what may not be described (KIP-525), and add what was refused."""

    def finish(answer: Message) -> None:
        items = answer.items("topics")
        if call.version >= _WITH_CONFIGS:
            call.facts.topic_ids.learn(item.value for item in items)
            for item in items:
                topic = item.value
                fine = topic.error_code == ErrorCode.none
                if fine and not call.access.allows(DESCRIBE_CONFIGS_TOPIC, topic.name, quiet=True):
                    items.replace(item, _blanked(topic))
        items.append(entries)

    return finish


def _blanked(topic: Any) -> Any:
    return replace(
        topic,
        topic_config_error_code=DESCRIBE_CONFIGS_TOPIC.error.value,
        num_partitions=-1,
        replication_factor=-1,
        configs=(),
    )


def judge_create_partitions(call: Call) -> Verdict:
    """Judge a CreatePartitions: duplicates first, then what is denied, then the broker's results."""
    items = call.message.items("topics")
    times = Counter(item.value.name for item in items)
    result = call.answer_item("results")
    kept: list[Item] = []
    malformed: dict[str, Any] = {}
    denied: list[Any] = []
    for item in items:
        topic = item.value
        if times[topic.name] > 1:
            malformed[topic.name] = refused_item(result, topic, ErrorCode.invalid_request, _DUPLICATE)
        elif call.access.allows(ALTER_TOPIC, topic.name):
            kept.append(item)
        else:
            denied.append(refused_item(result, topic, ALTER_TOPIC.error))
    entries = [*malformed.values(), *denied]
    return forward_kept(call, "topics", kept, "results", entries, first=True)


RULES: Final = (
    ApiRule(
        ApiKey.CREATE_TOPICS,
        judge=judge_create_topics,
        summary=(
            "Create Cluster, else Create Topic for each topic, else TOPIC_AUTHORIZATION_FAILED for that one. The "
            "configuration of a new topic is told to those with DescribeConfigs Topic."
        ),
        claims=frozenset({"topics.name"}),
    ),
    ApiRule(
        ApiKey.CREATE_PARTITIONS,
        judge=judge_create_partitions,
        summary="Alter Topic for each topic, else TOPIC_AUTHORIZATION_FAILED for that one.",
        claims=frozenset({"topics.name"}),
    ),
)
