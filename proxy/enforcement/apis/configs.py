"""Configurations: each resource is guarded by the right of its type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import CLUSTER_NAME, ResourceType
from protocol.apis import ApiKey
from protocol.errors import sentence
from protocol.refusals import refused_item
from protocol.splice import Item, Message
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import forward_kept, refusal
from proxy.enforcement.rights import (
    ALTER_CONFIGS_CLUSTER,
    ALTER_CONFIGS_GROUP,
    ALTER_CONFIGS_TOPIC,
    DESCRIBE_CONFIGS_CLUSTER,
    DESCRIBE_CONFIGS_GROUP,
    DESCRIBE_CONFIGS_TOPIC,
    Right,
)
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_SET, _DELETE = 0, 1
_TOPIC, _BROKER, _BROKER_LOGGER, _CLIENT_METRICS, _GROUP = 2, 4, 8, 16, 32
_DESCRIBE: Final[Mapping[int, Right]] = {
    _TOPIC: DESCRIBE_CONFIGS_TOPIC,
    _BROKER: DESCRIBE_CONFIGS_CLUSTER,
    _BROKER_LOGGER: DESCRIBE_CONFIGS_CLUSTER,
    _CLIENT_METRICS: DESCRIBE_CONFIGS_CLUSTER,
    _GROUP: DESCRIBE_CONFIGS_GROUP,
}
_ALTER: Final[Mapping[int, Right]] = {
    _TOPIC: ALTER_CONFIGS_TOPIC,
    _BROKER: ALTER_CONFIGS_CLUSTER,
    _CLIENT_METRICS: ALTER_CONFIGS_CLUSTER,
    _GROUP: ALTER_CONFIGS_GROUP,
}
_ALTER_INCREMENTALLY: Final = {**_ALTER, _BROKER_LOGGER: ALTER_CONFIGS_CLUSTER}


def _holds(call: Call, right: Right, resource: Any) -> bool:
    in_cluster = right.resource_type is ResourceType.CLUSTER
    return call.access.allows(right, CLUSTER_NAME if in_cluster else resource.resource_name)


def judge_describe_configs(call: Call) -> Verdict:
    """Judge a DescribeConfigs: a type that Kafka does not know refuses all of it."""
    items = call.message.items("resources")
    if any(item.value.resource_type not in _DESCRIBE for item in items):
        return Answer(refusal(call, ErrorCode.invalid_request, with_message=True))
    kept: list[Item] = []
    entries: list[Any] = []
    for item in items:
        right = _DESCRIBE[item.value.resource_type]
        if _holds(call, right, item.value):
            kept.append(item)
        else:
            entries.append(refused_item(call.answer_item("results"), item.value, right.error, sentence(right.error)))
    return forward_kept(call, "resources", kept, "results", entries)


def judge_alter_configs(call: Call) -> Verdict:
    """Judge an AlterConfigs."""
    return _judge_alter(call, _ALTER)


def judge_incremental_alter_configs(call: Call) -> Verdict:
    """Judge an IncrementalAlterConfigs."""
    return _judge_alter(call, _ALTER_INCREMENTALLY)


def _judge_alter(call: Call, rights: Mapping[int, Right]) -> Verdict:
    """Answers stand in the order of the request."""
    items = call.message.items("resources")
    times = Counter(map(_key, items))
    order: list[Any] = []
    kept: list[Item] = []
    for item in items:
        entry = _refused_alteration(call, rights, item.value, times)
        order.append(entry)
        if entry is None:
            kept.append(item)
    if len(kept) == len(order):
        return call.forward()
    if not kept:
        return Answer(call.build_answer(responses=tuple(order)))
    items.keep(kept)

    def merge(answer: Message) -> None:
        found = answer.items("responses")
        told = {_key(item): item for item in found}
        asked = iter(kept)
        merged = []
        for refused in order:
            entry = told.get(_key(next(asked))) if refused is None else refused
            if entry is not None:
                merged.append(entry)
        found.arrange(merged)

    return call.forward(merge)


def _key(item: Item) -> tuple[int, str]:
    return item.value.resource_type, item.value.resource_name


def _refused_alteration(
    call: Call, rights: Mapping[int, Right], resource: Any, times: Mapping[tuple[int, str], int]
) -> Any | None:
    """The entry that refuses a resource, or None. A broker looks for malformed ones before anybody is authorized."""
    kind = resource.resource_type
    right = rights.get(kind)
    response = call.answer_item("responses")
    if times[kind, resource.resource_name] > 1:
        return refused_item(response, resource, ErrorCode.invalid_request, "Each resource must appear at most once.")
    if (fault := _fault_of_settings(resource)) is not None:
        return refused_item(response, resource, ErrorCode.invalid_request, fault)
    if right is None:
        return refused_item(response, resource, ErrorCode.invalid_request, f"Unknown resource type {kind}")
    if _holds(call, right, resource):
        return None
    message = None if kind == _BROKER_LOGGER else sentence(right.error)
    return refused_item(response, resource, right.error, message)


def _fault_of_settings(resource: Any) -> str | None:
    names = [setting.name for setting in resource.configs]
    if len(set(names)) < len(names):
        return "Error due to duplicate config keys"
    without = [s.name for s in resource.configs if s.value is None and getattr(s, "config_operation", _SET) != _DELETE]
    return f"Null value not supported for : {', '.join(without)}" if without else None


_CLAIMS: Final = frozenset({"resources.resource_name"})
RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_CONFIGS,
        judge=judge_describe_configs,
        summary="DescribeConfigs on the Topic or Group, or on the Cluster for the others; else the error of that type.",
        claims=_CLAIMS,
    ),
    ApiRule(
        ApiKey.ALTER_CONFIGS,
        judge=judge_alter_configs,
        summary="AlterConfigs on the Topic or Group, or on the Cluster for the others; else the error of that type.",
        claims=_CLAIMS,
    ),
    ApiRule(
        ApiKey.INCREMENTAL_ALTER_CONFIGS,
        judge=judge_incremental_alter_configs,
        summary="AlterConfigs on the Topic or Group, or on the Cluster for the others; else the error of that type.",
        claims=_CLAIMS,
    ),
)
