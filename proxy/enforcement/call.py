"""One request while it is judged, and what the judge knows of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from protocol.apis import response_type
from protocol.codec import build, item_type
from protocol.header import RequestHead
from protocol.layout import Buffer
from protocol.splice import Message
from proxy.enforcement.access import Access
from proxy.enforcement.fetch_sessions import FetchSessions
from proxy.enforcement.rights import Right
from proxy.enforcement.share_sessions import ShareSessions
from proxy.enforcement.verdict import Forward

_MOST_TOPIC_IDS: Final = 200_000
_MOST_TOPOLOGIES: Final = 10_000
_MOST_OF_ONE: Final = 10_000


class TopicIds:
    """The names behind topic ids (KIP-516). An id never changes its name, so what was learned stays true.

    Topics come and go: when too many were seen everything is forgotten, and asked for again when it is needed.
    """

    def __init__(self) -> None:
        self._names: dict[UUID, str] = {}

    def learn(self, topics: Iterable[Any]) -> None:
        """Take ids and names from the topics of an answer (Metadata, CreateTopics, ...)."""
        for topic in topics:
            self.learn_one(getattr(topic, "topic_id", None), topic.name)

    def learn_one(self, topic_id: UUID | None, name: str | None) -> None:
        """Take an id and its name, if both are there."""
        if topic_id is not None and name:
            if len(self._names) >= _MOST_TOPIC_IDS:
                self._names.clear()
            self._names[topic_id] = name

    def name(self, topic_id: UUID | None) -> str | None:
        """The name, or None if no answer has told it yet."""
        return None if topic_id is None else self._names.get(topic_id)


class Topologies:
    """The internal topics of streams groups (KIP-1071), which only the first heartbeat of a member names."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, ...]] = {}

    def learn(self, group_id: str, made: tuple[str, ...]) -> None:
        """Take the topics that the coordinator would make for a group.

        Whether it takes this topology is not known yet, so those of the one before count as well.
        """
        known = self._made.pop(group_id, ())
        if len(self._made) >= _MOST_TOPOLOGIES:
            del self._made[next(iter(self._made))]
        self._made[group_id] = tuple(dict.fromkeys((*made, *known)))[:_MOST_OF_ONE]

    def made(self, group_id: str) -> tuple[str, ...] | None:
        """These topics, or None if no member has named them yet."""
        return self._made.get(group_id)


@dataclass(slots=True)
class ClusterFacts:
    """What the judge knows of the brokers behind."""

    topic_ids: TopicIds = field(default_factory=TopicIds)
    auto_create_topics: bool = True
    """The brokers' ``auto.create.topics.enable``; taken for true until they say otherwise."""
    topologies: Topologies = field(default_factory=Topologies)


@dataclass(slots=True)
class Call:
    """One request: its head, its bytes, who sent it, and what is known.

    ``broker_versions`` are the API versions of the broker that this connection leads to.
    """

    head: RequestHead
    frame: Buffer
    access: Access
    facts: ClusterFacts
    broker_versions: dict[int, range]
    fetch_sessions: FetchSessions
    share_sessions: ShareSessions
    endpoints: Callable[[Sequence[Any]], tuple[Any, ...]]
    """Gives the node endpoints of an answer (KIP-951) the addresses that clients may know."""
    unknown_ids: set[UUID] = field(default_factory=set)
    """Topic ids that the broker did not know when this request asked for them."""
    _message: Message | None = None

    @property
    def message(self) -> Message:
        """The request as spans; raises :class:`protocol.errors.MalformedFrame` if it is not whole."""
        if self._message is None:
            self._message = Message.request(self.head, self.frame)
        return self._message

    @property
    def request(self) -> Any:
        """The request, decoded."""
        return self.message.entity

    @property
    def version(self) -> int:
        """The API version of the request."""
        return self.head.api_version

    @property
    def answer_type(self) -> type[Any]:
        """The entity type of the answer."""
        return response_type(self.head.api_key, self.head.api_version)

    def answer_item(self, *path: str) -> type[Any]:
        """The type of the items of a field of the answer."""
        found = self.answer_type
        for name in path:
            found = item_type(found, name)
        return found

    def holds_on_all(self, right: Right, topics: Iterable[str | UUID]) -> bool:
        """Whether a right is held on all these topics, and there is nothing to tell of that: asking leaves no trace.

        False if the policy's grants are told, too, or if an id has no name yet: such a request is judged item by item.
        """
        access = self.access
        for topic in topics:
            name = topic if isinstance(topic, str) else self.facts.topic_ids.name(topic)
            if access.grants or name is None or not access.holds(right, name):
                return False
        return True

    def build_answer(self, **values: Any) -> Any:
        """An answer of this API and version."""
        return build(self.answer_type, **values)

    def forward(self, *edits: Any) -> Forward:
        """Send the request on as it now stands: the very same bytes, unless the message was edited."""
        return Forward(self.message.frame_pieces(), edits)

    def broker_version(self, api_key: int, highest: int) -> int | None:
        """The newest version of an API, not above ``highest``, that the broker has; None if it has none."""
        found = self.broker_versions.get(api_key, range(0))
        usable = range(found.start, min(found.stop, highest + 1))
        return usable[-1] if usable else None
