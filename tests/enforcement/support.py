"""One request before the judge: a policy, a broker that has some topics, and what comes of it on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from kio.schema.errors import ErrorCode

from policies.document import load_policy
from policies.model import Principal
from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, has_field, item_type
from protocol.header import read_request_head
from protocol.refusals import partition_indexes, refuse, refused_partition
from protocol.splice import Message, decode_response, encode_request, encode_response
from proxy.enforcement.access import Access, Checked, Mode, Verdicts
from proxy.enforcement.call import Call, ClusterFacts
from proxy.enforcement.engine import judge
from proxy.enforcement.fetch_sessions import FetchSessions
from proxy.enforcement.share_sessions import ShareSessions
from proxy.enforcement.verdict import Answer, Ask, Disconnect, Forward, Verdict

NONE = ErrorCode.none
TAF = ErrorCode.topic_authorization_failed
GAF = ErrorCode.group_authorization_failed
XAF = ErrorCode.transactional_id_authorization_failed
CAF = ErrorCode.cluster_authorization_failed
UTP = ErrorCode.unknown_topic_or_partition
UTI = ErrorCode.unknown_topic_id
IR = ErrorCode.invalid_request

POLICY = """
super_users: [User:admin]
policies:
  - name: everything-open
    principals: [User:alice]
    allow: [All]
    topics: [open*]
    consumer_groups: [open*]
    transactional_ids: [open*]
  - name: shown
    principals: [User:alice]
    allow: [Describe]
    topics: [shown*]
"""


def topic_id(name: str) -> UUID:
    """The id of a topic; only names that begin with ``ghost`` have one that the broker does not know."""
    return uuid5(NAMESPACE_DNS, name)


@dataclass
class Broker:
    """A broker without security: it does whatever it is asked, and says so."""

    topics: Sequence[str] = ("open", "open.a", "open.b", "shown", "secret", "secret.b")
    versions: dict[int, range] = field(default_factory=lambda: {int(key): known_versions(key) for key in ApiKey})

    def metadata(self, question: Any) -> Any:
        """Its answer to a Metadata request."""
        version = question.__version__
        everything = question.topics is None or (version == 0 and not question.topics)
        asked = (
            [(name, None) for name in self.topics]
            if everything
            else [(topic.name, getattr(topic, "topic_id", None)) for topic in question.topics]
        )
        answer = response_type(ApiKey.METADATA, version)
        return build(answer, topics=tuple(self._topic(item_type(answer, "topics"), *topic) for topic in asked))

    def _topic(self, entity_type: type[Any], name: str | None, wanted: UUID | None) -> Any:
        if wanted is not None:
            name = next((known for known in self.topics if topic_id(known) == wanted), None)
            error = NONE if name is not None else UTI
            return build(entity_type, name=name, topic_id=wanted, error_code=error)
        error = NONE if name in self.topics else UTP
        return build(entity_type, name=name, topic_id=topic_id(name or "") if error is NONE else None, error_code=error)

    def serve(self, api_key: ApiKey, request: Any) -> Any:
        """Its answer to a request: every item of it is done."""
        if api_key is ApiKey.METADATA:
            return self.metadata(request)
        answer = response_type(api_key, request.__version__)
        if api_key is ApiKey.OFFSET_FETCH and request.__version__ >= 8:
            group = item_type(answer, "groups")
            return build(
                answer, groups=tuple(build(group, group_id=g.group_id, topics=_done(group, g)) for g in request.groups)
            )
        if api_key in (ApiKey.OFFSET_FETCH, ApiKey.OFFSET_DELETE):
            return build(answer, topics=_done(answer, request))
        if api_key is ApiKey.FETCH:
            return build(answer, responses=_done(answer, request, "responses"))
        return refuse(api_key, request.__version__, request, NONE)


def _done(holder: type[Any], request: Any, answered: str = "topics") -> tuple[Any, ...]:
    topic_type = item_type(holder, answered)
    partition_type = item_type(topic_type, "partitions")
    return tuple(
        build(
            topic_type,
            **{name: getattr(topic, name) for name in ("name", "topic", "topic_id") if hasattr(topic, name)},
            partitions=tuple(refused_partition(partition_type, index, NONE) for index in partition_indexes(topic)),
        )
        for topic in request.topics or ()
    )


@dataclass
class Outcome:
    """What came of a request."""

    frame: bytes
    """The client's own bytes."""
    forwarded: bytes | None = None
    asked: Any = None
    """What the broker read, if anything was forwarded."""
    answer: Any = None
    """What the client read; None if the connection was closed instead, or nothing is ever answered."""
    closed: bool = False
    checked: list[Checked] = field(default_factory=list)
    questions: list[Any] = field(default_factory=list)
    """What the judge asked the broker before it decided."""


def run(
    api_key: ApiKey,
    version: int,
    entity: Any = None,
    *,
    principal: str = "User:alice",
    policy: str = POLICY,
    mode: Mode = Mode.ENFORCE,
    grants: bool = False,
    broker: Broker | None = None,
    served: Any = None,
    facts: ClusterFacts | None = None,
    **values: Any,
) -> Outcome:
    """Judge one request and carry out the verdict; ``served`` takes the place of the broker's usual answer."""
    request = entity if entity is not None else build(request_type(api_key, version), **values)
    frame = encode_request(api_key, version, 7, "client", request)
    broker = broker or Broker()
    authorizer = None if mode is Mode.OFF else load_policy(policy, "policy.yaml").authorizer(1)
    verdicts = Verdicts(authorizer, mode)
    access = Access(lambda: verdicts, Principal.parse(principal), "10.0.0.1", grants=grants)
    call = Call(
        read_request_head(frame),
        frame,
        access,
        facts or ClusterFacts(),
        broker.versions,
        FetchSessions(),
        ShareSessions(),
        tuple,
    )
    outcome = Outcome(frame)
    _carry_out(outcome, call, _settled(outcome, broker, judge(call)), broker, served)
    outcome.checked = access.take_checked()
    return outcome


def _settled(outcome: Outcome, broker: Broker, verdict: Verdict) -> Verdict:
    while isinstance(verdict, Ask):
        outcome.questions.append(verdict.entity)
        raw = encode_response(verdict.api_key, verdict.api_version, -1, broker.metadata(verdict.entity))
        verdict = verdict.then(Message.response(verdict.api_key, verdict.api_version, raw))
    return verdict


def _carry_out(outcome: Outcome, call: Call, verdict: Verdict, broker: Broker, served: Any) -> None:
    api_key, version = ApiKey(call.head.api_key), call.version
    if isinstance(verdict, Disconnect):
        outcome.closed = True
    elif isinstance(verdict, Answer):
        outcome.answer = decode_response(api_key, version, encode_response(api_key, version, 7, verdict.entity))[1]
    elif isinstance(verdict, Forward):
        outcome.forwarded = b"".join(verdict.pieces)
        outcome.asked = Message.request(read_request_head(outcome.forwarded), outcome.forwarded).entity
        outcome.closed = verdict.close
        if verdict.acknowledged:
            entity = served if served is not None else broker.serve(api_key, outcome.asked)
            raw = encode_response(api_key, version, 7, entity)
            outcome.answer = decode_response(api_key, version, _edited(api_key, version, raw, verdict))[1]


def _edited(api_key: ApiKey, version: int, raw: bytes, verdict: Forward) -> bytes:
    if verdict.stream is not None:
        return b"".join(verdict.stream.feed(memoryview(raw)))
    message = Message.response(api_key, version, raw)
    for edit in verdict.edits:
        edit(message)
    return b"".join(message.frame_pieces())


_ITEMS = {
    ApiKey.PRODUCE: "topic_data",
    ApiKey.FIND_COORDINATOR: "coordinator_keys",
    ApiKey.DESCRIBE_GROUPS: "groups",
    ApiKey.DELETE_GROUPS: "groups_names",
    ApiKey.CONSUMER_GROUP_DESCRIBE: "group_ids",
    ApiKey.DESCRIBE_CONFIGS: "resources",
    ApiKey.ALTER_CONFIGS: "resources",
    ApiKey.INCREMENTAL_ALTER_CONFIGS: "resources",
    ApiKey.ADD_PARTITIONS_TO_TXN: "v3_and_below_topics",
    ApiKey.CONSUMER_GROUP_HEARTBEAT: "subscribed_topic_names",
    ApiKey.SHARE_GROUP_HEARTBEAT: "subscribed_topic_names",
    ApiKey.SHARE_GROUP_DESCRIBE: "group_ids",
    ApiKey.STREAMS_GROUP_DESCRIBE: "group_ids",
    ApiKey.DESCRIBE_TRANSACTIONS: "transactional_ids",
}
_TOPIC = 2
_RESPONSES = (
    ApiKey.PRODUCE,
    ApiKey.FETCH,
    ApiKey.DELETE_TOPICS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
)
_RESULTS = (ApiKey.DESCRIBE_CONFIGS, ApiKey.DELETE_GROUPS, ApiKey.CREATE_PARTITIONS)


def naming(api_key: ApiKey, version: int, *names: str, group: str = "open", **values: Any) -> Any:
    """A request whose items name these topics, groups, keys or resources; each topic with its partition 0."""
    request = request_type(api_key, version)
    values = {
        "acks": -1,
        "group_id": group,
        "member_id": "member",
        "member_epoch": -1 if api_key is ApiKey.STREAMS_GROUP_HEARTBEAT else 0,
        "transactional_id": None if api_key is ApiKey.PRODUCE else "open",
        "v3_and_below_transactional_id": "open",
        "protocol_type": "consumer",
        "protocol_name": "range",
        "key": names[0] if names else "open",
        "response_partition_limit": 2000,
        "replica_id": -1,
        "session_epoch": -1,
    } | values
    in_groups = api_key is ApiKey.OFFSET_FETCH and version >= 8
    if in_groups or api_key is ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS:
        group_type = item_type(request, "groups")
        topics = tuple(_item(item_type(group_type, "topics"), name) for name in names)
        return build(request, **values, groups=(build(group_type, group_id=group, topics=topics),))
    items = "topic_names" if api_key is ApiKey.DELETE_TOPICS and version < 6 else _ITEMS.get(api_key, "topics")
    if has_field(request, items):
        inner = item_type(request, items)
        values[items] = tuple(_item(inner, name) if has_fields(inner) else name for name in names)
    return build(request, **values)


def has_fields(entity_type: type[Any]) -> bool:
    """Whether this is the type of an entity, not of a bare value."""
    return hasattr(entity_type, "__version__")


def _item(entity_type: type[Any], name: str) -> Any:
    values: dict[str, Any] = {"topic": name, "resource_type": _TOPIC, "resource_name": name, "num_partitions": 1}
    values |= {"topic_name": name}
    # DeleteTopics by name and by id share a type; there the id stays away.
    values |= {"name": name} if has_field(entity_type, "name") else {"topic_id": topic_id(name)}
    values |= {"replication_factor": 1} if has_field(entity_type, "replication_factor") else {}
    for partitions in ("partitions", "partition_data", "partition_indexes"):
        if has_field(entity_type, partitions):
            inner = item_type(entity_type, partitions)
            values[partitions] = (build(inner) if has_fields(inner) else 0,)
    return build(entity_type, **values)


def answered(api_key: ApiKey, answer: Any) -> list[tuple[str | UUID | None, ErrorCode]]:
    """(what an entry of an answer is about, its error, or that of its partition 0), in the order of the answer."""
    entries = {
        **dict.fromkeys(_RESPONSES, "responses"),
        **dict.fromkeys(_RESULTS, "results"),
        ApiKey.FIND_COORDINATOR: "coordinators",
        ApiKey.DESCRIBE_GROUPS: "groups",
        ApiKey.CONSUMER_GROUP_DESCRIBE: "groups",
        ApiKey.SHARE_GROUP_DESCRIBE: "groups",
        ApiKey.STREAMS_GROUP_DESCRIBE: "groups",
        ApiKey.ADD_PARTITIONS_TO_TXN: "results_by_topic_v3_and_below",
        ApiKey.DESCRIBE_TRANSACTIONS: "transaction_states",
    }.get(api_key, "topics")
    items = getattr(answer, entries) if hasattr(answer, entries) else answer.groups[0].topics
    return [(subject(item), _error(item)) for item in items]


def subject(item: Any) -> Any:
    """What an item is about."""
    if isinstance(item, str):
        return item
    fields = ("name", "topic", "topic_name", "group_id", "key", "resource_name", "transactional_id", "topic_id")
    return next(getattr(item, name) for name in fields if getattr(item, name, None) is not None)


def _error(item: Any) -> ErrorCode:
    partitions = ("partitions", "partition_responses", "results_by_partition")
    for name in partitions:
        found = getattr(item, name, None)
        if found:
            item = found[0]
    error = getattr(item, "error_code", None)
    return item.partition_error_code if error is None else ErrorCode(error)


def named_in(api_key: ApiKey, request: Any) -> list[Any]:
    """What the items of a request are about, in its order."""
    if hasattr(request, "topic_names"):
        return list(request.topic_names)
    items = _ITEMS.get(api_key, "topics")
    found = getattr(request, items) if hasattr(request, items) else request.groups[0].topics
    return [subject(item) for item in found]
