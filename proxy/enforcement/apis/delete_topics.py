"""DeleteTopics, by name or by id (KIP-516)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build
from protocol.errors import sentence
from protocol.splice import Item
from proxy.enforcement.apis.names import ask_topic_names, ask_topics, missing_topics
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import forward_kept
from proxy.enforcement.rights import DELETE_CLUSTER, DELETE_TOPIC, DESCRIBE_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Verdict

_BY_STATE: Final = 6


_NEITHER: Final = "Neither topic name nor id were specified."
_BOTH: Final = "You may not specify both topic name and topic id."


@dataclass(slots=True)
class _Sorted:
    """The topics of a request: those that go on, and the entries of those that do not."""

    kept: list[Item] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """Names that may be described but not deleted: a missing one is told as missing."""


def judge_delete_topics(call: Call) -> Verdict:
    """Judge a DeleteTopics: Delete on the cluster opens all of it, whatever is said of topics."""
    if call.access.holds(DELETE_CLUSTER):
        return call.forward()
    if call.version < _BY_STATE:
        return _judge_names(call)
    items = call.message.items("topics")
    question = ask_topic_names(call, (item.value.topic_id for item in items), lambda: _judge_states(call))
    return question if question is not None else _judge_states(call)


def _judge_names(call: Call) -> Verdict:
    items = call.message.items("topic_names")
    times = Counter(item.value for item in items)
    sorted_out = _Sorted()
    told: set[str] = set()
    for item in items:
        name = item.value
        if times[name] > 1:
            # Old brokers take a name that stands twice for one, so it must not reach them unjudged.
            if name not in told:
                sorted_out.entries.append(_entry(call, name, ErrorCode.invalid_request, "Duplicate topic name."))
            told.add(name)
        else:
            _sort_name(call, sorted_out, item, name)
    return _look_for_missing(call, "topic_names", sorted_out)


def _judge_states(call: Call) -> Verdict:
    items = call.message.items("topics")
    times = Counter((item.value.name, item.value.topic_id) for item in items)
    sorted_out = _Sorted()
    told: set[tuple[Any, Any]] = set()
    for item in items:
        state = item.value
        key = (state.name, state.topic_id)
        if (state.name is None) == (state.topic_id is None):
            sorted_out.entries.append(_malformed(call, state, _NEITHER if state.name is None else _BOTH))
        elif times[key] > 1:
            if key not in told:
                kind = "name" if state.topic_id is None else "id"
                sorted_out.entries.append(_malformed(call, state, f"Duplicate topic {kind}."))
            told.add(key)
        elif state.topic_id is None:
            _sort_name(call, sorted_out, item, state.name)
        else:
            _sort_id(call, sorted_out, item)
    return _look_for_missing(call, "topics", sorted_out)


def _sort_name(call: Call, sorted_out: _Sorted, item: Item, name: str) -> None:
    if not call.access.allows(DESCRIBE_TOPIC, name):
        sorted_out.entries.append(_denied(call, name))
    elif call.access.allows(DELETE_TOPIC, name):
        sorted_out.kept.append(item)
    else:
        sorted_out.undecided.append(name)


def _sort_id(call: Call, sorted_out: _Sorted, item: Item) -> None:
    topic_id = item.value.topic_id
    name = call.facts.topic_ids.name(topic_id)
    if name is None:
        sorted_out.entries.append(_entry(call, None, ErrorCode.unknown_topic_id, topic_id=topic_id))
    elif call.access.allows(DELETE_TOPIC, name):
        sorted_out.kept.append(item)
    else:
        # An id is no secret, but whose it is may be.
        told = name if call.access.allows(DESCRIBE_TOPIC, name) else None
        sorted_out.entries.append(_entry(call, told, DELETE_TOPIC.error, topic_id=topic_id))


def _look_for_missing(call: Call, items: str, sorted_out: _Sorted) -> Verdict:
    names = sorted_out.undecided

    def settle(missing: set[str]) -> Verdict:
        sorted_out.entries += [
            _entry(call, name, ErrorCode.unknown_topic_or_partition) if name in missing else _denied(call, name)
            for name in names
        ]
        return forward_kept(call, items, sorted_out.kept, "responses", sorted_out.entries)

    question = ask_topics(call, names, lambda found: settle(missing_topics(found))) if names else None
    return question if question is not None else settle(set())


def _malformed(call: Call, state: Any, message: str) -> Any:
    return _entry(call, state.name, ErrorCode.invalid_request, message, topic_id=state.topic_id)


def _denied(call: Call, name: str) -> Any:
    return _entry(call, name, DELETE_TOPIC.error)


def _entry(call: Call, name: str | None, error: ErrorCode, message: str | None = None, *, topic_id: Any = None) -> Any:
    text = message or sentence(error)
    return build(call.answer_item("responses"), name=name, topic_id=topic_id, error_code=error, error_message=text)


RULES: Final = (
    ApiRule(
        ApiKey.DELETE_TOPICS,
        judge=judge_delete_topics,
        summary=(
            "Delete Cluster, else Describe and Delete Topic for each topic (by id: Delete alone), else "
            "TOPIC_AUTHORIZATION_FAILED; a missing topic that may be described is UNKNOWN_TOPIC_OR_PARTITION."
        ),
        claims=frozenset({"topic_names", "topics.name", "topics.topic_id"}),
    ),
)
