"""OffsetFetch: each group has its own verdict, and each topic within it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.refusals import refused_item
from protocol.splice import Item, Message
from proxy.enforcement.apis.names import ask_all_names, ask_topic_names
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.rights import DESCRIBE_GROUP, DESCRIBE_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_BY_GROUPS: Final = 8
_BY_ID: Final = 10


@dataclass(slots=True)
class _Group:
    """One group of the request, decided."""

    asked: Any
    allowed: bool
    kept: tuple[Any, ...] = ()
    entries: list[Any] = field(default_factory=list)

    @property
    def takes_all(self) -> bool:
        """Whether it asks for all offsets of the group."""
        return self.asked.topics is None

    @property
    def cut(self) -> bool:
        """Whether some of its topics are denied."""
        return bool(self.entries)


def judge_offset_fetch(call: Call) -> Verdict:
    """Judge an OffsetFetch request."""
    if call.version >= _BY_GROUPS:
        return _judge_groups(call)
    request = call.request
    if not call.access.allows(DESCRIBE_GROUP, request.group_id):
        return Answer(refusal(call, DESCRIBE_GROUP.error))
    topic_type = call.answer_item("topics")
    group = _decide(call, request, topic_type)
    if group.cut:
        # The coordinator is asked even if nothing is left: its own error takes the place of all.
        call.message.replace("topics", group.kept)

    def merge(answer: Message) -> None:
        if answer.has("error_code") and answer.value("error_code") != ErrorCode.none:
            return
        items = answer.items("topics")
        if group.takes_all:
            shown = [item for item in items if call.access.allows(DESCRIBE_TOPIC, item.value.name)]
            if len(shown) < len(items):
                items.keep(shown)
        items.append(group.entries)

    return call.forward(merge) if group.cut or group.takes_all else call.forward()


def _judge_groups(call: Call) -> Verdict:
    if call.version >= _BY_ID:
        question = _ask_names(call)
        if question is not None:
            return question
    return _judge_known_groups(call)


def _ask_names(call: Call) -> Verdict | None:
    """Ask for the names behind ids; for those of all topics if an answer may name any."""
    if any(group.topics is None for group in call.request.groups):
        return ask_all_names(call, lambda: _judge_known_groups(call))
    return ask_topic_names(call, _ids(call.request), lambda: _judge_known_groups(call))


def _judge_known_groups(call: Call) -> Verdict:
    group_type = call.answer_item("groups")
    topic_type = call.answer_item("groups", "topics")
    groups = []
    for asked in call.request.groups:
        if call.access.allows(DESCRIBE_GROUP, asked.group_id):
            groups.append(_decide(call, asked, topic_type))
        else:
            groups.append(_Group(asked, allowed=False))
    allowed = [group for group in groups if group.allowed]
    if groups and not allowed:
        return Answer(call.build_answer(groups=tuple(_denied(group_type, group) for group in groups)))
    if len(allowed) < len(groups) or any(group.cut for group in allowed):
        call.message.replace("groups", tuple(_remainder(group) for group in allowed))

    def merge(answer: Message) -> None:
        items = answer.items("groups")
        found = _by_id(items)
        order: list[Any] = []
        for group in groups:
            if not group.allowed:
                order.append(_denied(group_type, group))
            elif group.asked.group_id in found:
                order.append(_merged(call, group, found[group.asked.group_id]))
        items.arrange(order)

    changed = len(allowed) < len(groups) or any(group.cut or group.takes_all for group in allowed)
    return call.forward(merge) if changed else call.forward()


def _ids(request: Any) -> Iterator[UUID | None]:
    return (topic.topic_id for group in request.groups for topic in group.topics or ())


def _decide(call: Call, asked: Any, topic_type: type[Any]) -> _Group:
    group = _Group(asked, allowed=True)
    kept = []
    for topic in asked.topics or ():
        name = call.facts.topic_ids.name(topic.topic_id) if call.version >= _BY_ID else topic.name
        if name is not None and call.access.allows(DESCRIBE_TOPIC, name):
            kept.append(topic)
        else:
            error = ErrorCode.unknown_topic_id if name is None else DESCRIBE_TOPIC.error
            group.entries.append(refused_item(topic_type, topic, error))
    group.kept = tuple(kept)
    return group


def _remainder(group: _Group) -> Any:
    return replace(group.asked, topics=group.kept) if group.cut else group.asked


def _denied(group_type: type[Any], group: _Group) -> Any:
    return replace(refused_item(group_type, group.asked.group_id, DESCRIBE_GROUP.error, named="group_id"), topics=())


def _by_id(items: Iterable[Item]) -> dict[str, deque[Item]]:
    """The entries of each group, by its id: brokers 3.0 to 3.2 answer in no order, and a group named twice once."""
    found: dict[str, deque[Item]] = {}
    for item in items:
        found.setdefault(item.value.group_id, deque()).append(item)
    return found


def _merged(call: Call, group: _Group, found: deque[Item]) -> Any:
    item = found.popleft() if len(found) > 1 else found[0]
    if item.value.error_code != ErrorCode.none:
        return item
    # Filtered even if topics were named: where a group stands twice the broker may have answered for the other one.
    shown = [topic for topic in item.value.topics if _may_describe(call, topic, quiet=not group.takes_all)]
    if len(shown) == len(item.value.topics) and not group.entries:
        return item
    return replace(item.value, topics=(*shown, *group.entries))


def _may_describe(call: Call, topic: Any, *, quiet: bool) -> bool:
    name = call.facts.topic_ids.name(topic.topic_id) if call.version >= _BY_ID else topic.name
    return name is not None and call.access.allows(DESCRIBE_TOPIC, name, quiet=quiet)


RULES: Final = (
    ApiRule(
        ApiKey.OFFSET_FETCH,
        judge=judge_offset_fetch,
        summary=(
            "Describe Group for each group, else GROUP_AUTHORIZATION_FAILED for it. Describe Topic for each topic, "
            "else TOPIC_AUTHORIZATION_FAILED for its partitions; of all offsets of a group those are not shown."
        ),
        claims=frozenset(
            {
                "group_id",
                "topics.name",
                "groups.group_id",
                "groups.topics.name",
                "groups.topics.topic_id",
            }
        ),
    ),
)
