"""Fetch sessions belong to the connection that opened them, and every request is judged anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type, response_type
from protocol.codec import build, item_type
from protocol.splice import decode_response, encode_response
from proxy.enforcement.fetch_answer import WHOLE, FetchAnswer
from tests.session.support import POLICY, Desk, Policy

TAF = ErrorCode.topic_authorization_failed
NAMED = range(13)
SESSIONS = range(7, 13)


def fetch(version: int, *topics: str | UUID, session_id: int = 0, epoch: int = 0, replica: int = -1) -> Any:
    """A Fetch of partition 0 of each topic."""
    request = request_type(ApiKey.FETCH, version)
    topic = item_type(request, "topics")
    partition = item_type(topic, "partitions")
    name = "topic_id" if version >= 13 else "topic"
    wanted = tuple(build(topic, **{name: key}, partitions=(build(partition, partition=0),)) for key in topics)
    values: dict[str, Any] = {"topics": wanted, "session_id": session_id, "session_epoch": epoch, "replica_id": replica}
    if version >= 15:
        state = item_type(request, "replica_state")
        values["replica_state"] = build(state, replica_id=replica)
    return build(request, **values)


def data(version: int, *topics: str | UUID, size: int = 10) -> tuple[Any, ...]:
    """Topics of an answer with one partition of ``size`` bytes each."""
    topic = item_type(response_type(ApiKey.FETCH, version), "responses")
    partition = item_type(topic, "partitions")
    name = "topic_id" if version >= 13 else "topic"
    return tuple(
        build(topic, **{name: key}, partitions=(build(partition, high_watermark=5, records=b"r" * size),))
        for key in topics
    )


def errors(answer: Any) -> dict[Any, list[ErrorCode]]:
    """Topic -> the errors of its partitions."""
    found: dict[Any, list[ErrorCode]] = {}
    for topic in answer.responses:
        key = getattr(topic, "topic", None) or topic.topic_id
        found.setdefault(key, []).extend(partition.error_code for partition in topic.partitions)
    return found


@pytest.mark.parametrize("version", NAMED)
def test_an_allowed_fetch_passes_both_ways_byte_for_byte(version: int) -> None:
    desk = Desk()
    frame = desk.send(ApiKey.FETCH, version, fetch(version, "orders"))
    assert desk.sent_to_broker == frame
    raw = desk.answer(frame, responses=data(version, "orders"), session_id=7)
    assert desk.sent_to_client == raw


@pytest.mark.parametrize("version", NAMED)
def test_denied_partitions_are_told_behind_the_data(version: int) -> None:
    desk = Desk()
    desk.send(ApiKey.FETCH, version, fetch(version, "secret", "orders"))
    frame, entity = desk.at_broker()
    assert [topic.topic for topic in entity.topics] == ["orders"]
    desk.answer(frame, responses=data(version, "orders"))
    answer = desk.at_client(ApiKey.FETCH, version)
    assert list(errors(answer).items()) == [("orders", [ErrorCode.none]), ("secret", [TAF])]
    denied = answer.responses[1].partitions[0]
    assert (denied.high_watermark, denied.records) == (-1, b"")
    assert getattr(denied, "last_stable_offset", -1) == -1
    assert getattr(denied, "aborted_transactions", ()) == ()


@pytest.mark.parametrize("version", SESSIONS)
def test_all_denied_is_answered_at_once_with_no_session(version: int) -> None:
    desk = Desk()
    desk.send(ApiKey.FETCH, version, fetch(version, "secret"))
    answer = desk.at_client(ApiKey.FETCH, version)
    assert errors(answer) == {"secret": [TAF]}
    assert answer.session_id == 0
    assert desk.sent_to_broker == b""


@pytest.mark.parametrize("version", SESSIONS)
def test_every_incremental_answer_tells_what_is_denied(version: int) -> None:
    desk = open_session(version)
    for epoch in (1, 2):
        frame = desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=epoch))
        desk.answer(frame, session_id=7)
        assert errors(desk.at_client(ApiKey.FETCH, version)) == {"secret": [TAF]}


@pytest.mark.parametrize("version", SESSIONS)
def test_nobody_rides_on_the_fetch_session_of_another_connection(version: int) -> None:
    desk = Desk()
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=4711, epoch=3))
    answer = desk.at_client(ApiKey.FETCH, version)
    assert answer.error_code == ErrorCode.fetch_session_id_not_found
    assert (answer.session_id, answer.responses) == (0, ())
    assert desk.sent_to_broker == b""


@pytest.mark.parametrize("version", SESSIONS)
def test_a_full_fetch_cannot_end_the_session_of_another_connection(version: int) -> None:
    desk = Desk()
    desk.send(ApiKey.FETCH, version, fetch(version, "orders", session_id=4711, epoch=0))
    _, entity = desk.at_broker()
    assert entity.session_id == 0


@pytest.mark.parametrize("version", SESSIONS)
def test_a_right_lost_in_mid_session_starts_it_anew(version: int) -> None:
    policy = Policy()
    desk = open_session(version, policy)
    policy.change(POLICY.replace("topics: [orders]", "topics: [other]"))
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=1))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found
    desk.send(ApiKey.FETCH, version, fetch(version, "orders", "secret"))
    assert errors(desk.at_client(ApiKey.FETCH, version)) == {"orders": [TAF], "secret": [TAF]}


@pytest.mark.parametrize("version", SESSIONS)
@pytest.mark.parametrize("when", ["in the beginning", "later"])
def test_a_right_lost_in_a_session_of_which_nothing_was_denied_starts_it_anew(version: int, when: str) -> None:
    policy = Policy()
    desk = allowed_session(version, "orders" if when == "in the beginning" else None, policy)
    if when != "in the beginning":
        frame = desk.send(ApiKey.FETCH, version, fetch(version, "orders", session_id=7, epoch=1))
        assert reached_broker(desk) == frame
        desk.answer(frame, session_id=7)
        desk.at_client(ApiKey.FETCH, version)
    policy.change(POLICY.replace("topics: [orders]", "topics: [other]"))
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=2))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found
    assert reached_broker(desk) is None


@pytest.mark.parametrize("version", SESSIONS)
@pytest.mark.parametrize("epoch", [-1, 0])
def test_a_full_fetch_ends_the_session_that_it_names(version: int, epoch: int) -> None:
    desk = allowed_session(version, "orders")
    frame = desk.send(ApiKey.FETCH, version, fetch(version, "orders", session_id=7, epoch=epoch))
    assert reached_broker(desk) == frame
    desk.answer(frame, responses=data(version, "orders"), session_id=8 if epoch == 0 else 0)
    desk.at_client(ApiKey.FETCH, version)
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=1))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found
    assert reached_broker(desk) is None


@pytest.mark.parametrize("version", SESSIONS)
def test_going_on_with_no_session_at_all_is_refused(version: int) -> None:
    desk = Desk()
    desk.send(ApiKey.FETCH, version, fetch(version, "orders", epoch=1))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found
    assert reached_broker(desk) is None


@pytest.mark.parametrize("version", SESSIONS)
def test_a_right_taken_away_counts_for_what_is_added_to_a_session(version: int) -> None:
    policy = Policy()
    desk = allowed_session(version, None, policy)
    policy.change(POLICY.replace("topics: [orders]", "topics: [other]"))
    frame = desk.send(ApiKey.FETCH, version, fetch(version, "orders", session_id=7, epoch=1))
    _, entity = desk.at_broker()
    assert entity.topics == ()
    desk.answer(frame, session_id=7)
    assert errors(desk.at_client(ApiKey.FETCH, version)) == {"orders": [TAF]}


@pytest.mark.parametrize("version", NAMED)
def test_what_was_allowed_is_told_where_that_is_wanted(version: int) -> None:
    desk = Desk(grants=True)
    desk.send(ApiKey.FETCH, version, fetch(version, "orders"))
    granted = [event for event in desk.events if type(event).__name__ == "Granted"]
    assert [(event.resource_type, event.resource_name) for event in granted] == [("Topic", "orders")]


@pytest.mark.parametrize("version", range(13, 19))
def test_a_session_with_a_topic_id_that_nobody_knew_is_begun_anew(version: int) -> None:
    desk = Desk()
    orders, ghost = UUID(int=1), UUID(int=3)
    desk.send(ApiKey.FETCH, version, fetch(version, orders, ghost))
    topic = item_type(response_type(ApiKey.METADATA, 12), "topics")
    question, _ = desk.at_broker()
    desk.answer(question, topics=(build(topic, topic_id=orders, name="orders"),))
    frame, _ = desk.at_broker()
    desk.answer(frame, responses=data(version, orders), session_id=7)
    desk.at_client(ApiKey.FETCH, version)
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=1))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found


@pytest.mark.parametrize("version", SESSIONS)
def test_a_policy_change_that_changes_nothing_for_it_leaves_a_session_alone(version: int) -> None:
    policy = Policy()
    desk = open_session(version, policy)
    policy.change(POLICY + "  - {name: more, principals: [User:zoe], allow: [Read], topics: [orders]}\n")
    frame = desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=1))
    desk.answer(frame, session_id=7)
    assert errors(desk.at_client(ApiKey.FETCH, version)) == {"secret": [TAF]}


@pytest.mark.parametrize("version", SESSIONS)
def test_a_session_error_hides_everything_else(version: int) -> None:
    desk = open_session(version)
    frame = desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=9))
    desk.answer(frame, error_code=ErrorCode.invalid_fetch_session_epoch)
    answer = desk.at_client(ApiKey.FETCH, version)
    assert (answer.error_code, answer.responses) == (ErrorCode.invalid_fetch_session_epoch, ())


@pytest.mark.parametrize("version", range(19))
def test_a_fetch_as_a_replica_is_refused(version: int) -> None:
    desk = Desk("User:admin")
    topic: str | UUID = uuid4() if version >= 13 else "orders"
    desk.send(ApiKey.FETCH, version, fetch(version, topic, replica=2))
    assert errors(desk.at_client(ApiKey.FETCH, version)) == {topic: [TAF]}
    assert desk.sent_to_broker == b""


@pytest.mark.parametrize("version", range(13, 19))
def test_topic_ids_are_resolved_before_they_are_judged(version: int) -> None:
    """Known by name: allowed; denied; and one that the broker does not know either."""
    desk = Desk()
    orders, secret, ghost = UUID(int=1), UUID(int=2), UUID(int=3)
    desk.send(ApiKey.FETCH, version, fetch(version, orders, secret, ghost))
    question, asked = desk.at_broker()
    assert [topic.topic_id for topic in asked.topics] == [orders, secret, ghost]
    assert not asked.allow_auto_topic_creation
    topic = item_type(response_type(ApiKey.METADATA, 12), "topics")
    desk.answer(
        question, topics=(build(topic, topic_id=orders, name="orders"), build(topic, topic_id=secret, name="secret"))
    )
    frame, entity = desk.at_broker()
    assert [topic.topic_id for topic in entity.topics] == [orders]
    desk.answer(frame, responses=data(version, orders), session_id=7)
    answer = desk.at_client(ApiKey.FETCH, version)
    assert errors(answer) == {orders: [ErrorCode.none], secret: [TAF], ghost: [ErrorCode.unknown_topic_id]}
    # The broker's session does not hold the ghost, which may have a name by now: everything is named anew.
    desk.send(ApiKey.FETCH, version, fetch(version, session_id=7, epoch=1))
    assert desk.at_client(ApiKey.FETCH, version).error_code == ErrorCode.fetch_session_id_not_found


@pytest.mark.parametrize("version", [16, 17, 18])
@pytest.mark.parametrize("size", [10, 300_000])
def test_no_broker_address_is_told_behind_the_records(version: int, size: int) -> None:
    """KIP-951 puts the new leader's address at the very end of the answer."""
    desk = Desk()
    orders = UUID(int=1)
    desk.facts.topic_ids._names[orders] = "orders"
    frame = desk.send(ApiKey.FETCH, version, fetch(version, orders, epoch=-1))
    endpoint = item_type(response_type(ApiKey.FETCH, version), "node_endpoints")
    desk.answer(
        frame,
        responses=data(version, orders, size=size),
        node_endpoints=(build(endpoint, node_id=2, host="broker-2.internal.example.net", port=9092),),
    )
    assert b"internal" not in desk.sent_to_client
    answer = desk.at_client(ApiKey.FETCH, version)
    assert len(answer.responses[0].partitions[0].records) == size
    told = [(node.host, node.port) for node in answer.node_endpoints]
    assert told == ([("kafka.example.com", 9102)] if size < WHOLE else [])


@given(
    version=st.sampled_from([0, 1, 3, 4, 7, 11, 12, 13, 16, 18]),
    extra=st.integers(0, 3),
    cuts=st.lists(st.integers(1, 90_000)),
    endpoints=st.integers(0, 2),
    sizes=st.lists(st.sampled_from([0, 1, 5, 40_000, 70_000]), min_size=1, max_size=4),
)
def test_a_large_answer_may_come_in_any_pieces(
    version: int, extra: int, cuts: list[int], endpoints: int, sizes: list[int]
) -> None:
    """Cut + merge answers exactly what was asked, wherever the bytes are cut."""
    answer_type = response_type(ApiKey.FETCH, version)
    keys: list[Any] = [UUID(int=n + 1) if version >= 13 else f"t{n}" for n in range(len(sizes) + extra)]
    broker = tuple(data(version, key, size=size)[0] for key, size in zip(keys, sizes, strict=False))
    added = data(version, *keys[len(sizes) :], size=0)
    values: dict[str, Any] = {"responses": broker, "session_id": 9}
    if version >= 16:
        node = item_type(answer_type, "node_endpoints")
        values["node_endpoints"] = tuple(build(node, node_id=n, host="secret-host", port=1) for n in range(endpoints))
    raw = encode_response(ApiKey.FETCH, version, 5, build(answer_type, **values))
    seen: list[int] = []
    stream = FetchAnswer(
        version, added, seen.append if version >= 7 else None, (lambda _: ()) if version >= 16 else None
    )
    out, rest = b"", memoryview(raw)
    for cut in [*cuts, len(raw)]:
        if rest:
            out += b"".join(stream.feed(rest[:cut]))
            rest = rest[cut:]
    correlation_id, answer = decode_response(ApiKey.FETCH, version, out)
    assert correlation_id == 5
    assert answer.responses == (*broker, *added)
    assert b"secret-host" not in out
    assert seen == ([9] if version >= 7 else [])


def open_session(version: int, policy: Policy | None = None) -> Desk:
    """A desk with the fetch session 7, which holds orders; secret was denied."""
    desk = Desk(policy=policy)
    frame = desk.send(ApiKey.FETCH, version, fetch(version, "orders", "secret"))
    desk.at_broker()
    desk.answer(frame, responses=data(version, "orders"), session_id=7)
    desk.at_client(ApiKey.FETCH, version)
    return desk


def reached_broker(desk: Desk) -> bytes | None:
    """The next frame that reached the broker."""
    found = desk.at_broker()
    return None if found is None else found[0]


def allowed_session(version: int, topic: str | None, policy: Policy | None = None) -> Desk:
    """A desk with the fetch session 7, which holds this topic or nothing; nothing was denied."""
    desk = Desk(policy=policy)
    frame = desk.send(ApiKey.FETCH, version, fetch(version, *([topic] if topic else [])))
    assert reached_broker(desk) == frame
    desk.answer(frame, session_id=7)
    desk.at_client(ApiKey.FETCH, version)
    return desk


@pytest.mark.parametrize("version", range(13, 19))
def test_forgetting_a_topic_id_that_is_zero_harms_nobody(version: int) -> None:
    """Case 23: the session lives on."""
    desk = Desk()
    orders = UUID(int=1)
    desk.facts.topic_ids._names[orders] = "orders"
    frame = desk.send(ApiKey.FETCH, version, fetch(version, orders))
    desk.answer(frame, responses=data(version, orders), session_id=7)
    desk.at_client(ApiKey.FETCH, version)
    request = fetch(version, session_id=7, epoch=1)
    forgotten = build(item_type(type(request), "forgotten_topics_data"), topic_id=None, partitions=(0,))
    frame = desk.send(ApiKey.FETCH, version, replace(request, forgotten_topics_data=(forgotten,)))
    desk.answer(frame, session_id=7)
    answer = desk.at_client(ApiKey.FETCH, version)
    assert (answer.error_code, answer.responses) == (ErrorCode.none, ())


def test_two_users_on_one_host_are_judged_each_by_itself() -> None:
    """Case 24: same group, same host, interleaved."""
    policy = Policy()
    alice, bob = Desk("User:alice", policy=policy), Desk("User:bob", policy=policy)
    for _ in range(3):
        for desk in (alice, bob):
            desk.send(ApiKey.HEARTBEAT, 4, group_id="app", member_id="m")
    assert alice.sent_to_client == b""
    assert bob.sent_to_broker == b""
    denied = [event for event in bob.events if type(event).__name__ == "Denied"]
    assert {event.principal for event in denied} == {"User:bob"}
