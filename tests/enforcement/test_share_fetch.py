"""What a member of a share group may read, in every request of its share session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from policies.document import load_policy
from policies.model import Principal
from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import Message, encode_request, encode_response
from proxy.enforcement.access import Access, Mode, Verdicts
from proxy.enforcement.call import Call, ClusterFacts
from proxy.enforcement.engine import judge
from proxy.enforcement.fetch_sessions import FetchSessions
from proxy.enforcement.share_sessions import ShareSessions
from proxy.enforcement.verdict import Answer, Ask, Forward
from tests.enforcement.support import GAF, IR, NONE, POLICY, TAF, UTI, Broker, topic_id

FETCH, ACKNOWLEDGE = ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE
VERSIONS = [*known_versions(FETCH)]
NOT_FOUND = ErrorCode.share_session_not_found
NARROWER = POLICY.replace("topics: [open*]", "topics: [open]")


@dataclass
class Line:
    """One connection: what it asks goes through one session after the other."""

    policy: str = POLICY
    facts: ClusterFacts = field(default_factory=ClusterFacts)
    generation: int = 1
    in_session: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.sessions = ShareSessions()
        self.broker = Broker()
        self.change(self.policy)
        self.access = Access(lambda: self.verdicts, Principal.parse("User:alice"), "10.0.0.1")

    def served(self, key: ApiKey, version: int) -> tuple[Any, ...]:
        """What the broker sends of the session that it knows by these names."""
        topic = item_type(response_type(key, version), "responses")
        return tuple(build(topic, topic_id=topic_id(name)) for name in self.in_session)

    def change(self, policy: str) -> None:
        """Put another policy in force."""
        self.generation += 1
        self.verdicts = Verdicts(load_policy(policy, "p.yaml").authorizer(self.generation), Mode.ENFORCE)

    def ask(self, key: ApiKey, version: int, epoch: int, *names: str, **values: Any) -> tuple[Any, Any]:
        """(what the broker reads, what the client is answered by a broker with nothing to tell)."""
        request = request_type(key, version)
        topic = item_type(request, "topics")
        partition = item_type(topic, "partitions")
        batches = item_type(partition, "acknowledgement_batches")
        acks = () if epoch == 0 else (build(batches, first_offset=1, last_offset=2, acknowledge_types=(1,)),)
        topics = tuple(
            build(topic, topic_id=topic_id(name), partitions=(build(partition, acknowledgement_batches=acks),))
            for name in names
        )
        given = {"group_id": "open", "member_id": "m", "max_wait": timedelta(seconds=5)} | values
        entity = build(request, share_session_epoch=epoch, topics=topics, **given)
        frame = encode_request(key, version, 7, "client", entity)
        sessions = FetchSessions(), self.sessions
        call = Call(read_request_head(frame), frame, self.access, self.facts, self.broker.versions, *sessions, tuple)
        return self._carry_out(call, judge(call))

    def _carry_out(self, call: Call, verdict: Any) -> tuple[Any, Any]:
        while isinstance(verdict, Ask):
            raw = encode_response(verdict.api_key, verdict.api_version, -1, self.broker.metadata(verdict.entity))
            verdict = verdict.then(Message.response(verdict.api_key, verdict.api_version, raw))
        if isinstance(verdict, Answer):
            return None, verdict.entity
        assert isinstance(verdict, Forward)
        sent = b"".join(verdict.pieces)
        key, version = call.head.api_key, call.version
        entity = build(response_type(key, version), responses=self.served(key, version))
        answer = Message.response(key, version, encode_response(key, version, 7, entity))
        for edit in verdict.edits:
            edit(answer)
        frame = b"".join(answer.frame_pieces())
        return Message.request(read_request_head(sent), sent).entity, Message.response(key, version, frame).entity


def ids(request: Any) -> list[Any]:
    return [topic.topic_id for topic in request.topics]


def told(answer: Any) -> dict[Any, tuple[ErrorCode, int]]:
    return {
        topic.topic_id: (topic.partitions[0].error_code, getattr(topic.partitions[0], "acknowledge_error_code", 0))
        for topic in answer.responses
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_what_may_not_be_read_is_cut_out_and_told_in_every_answer(version: int) -> None:
    line = Line()
    for epoch, names in ((0, ("open", "secret", "ghost")), (1, ()), (2, ())):
        asked, answer = line.ask(FETCH, version, epoch, *names)
        assert ids(asked) == [topic_id(name) for name in names if name == "open"]
        assert told(answer) == {topic_id("secret"): (TAF, 0), topic_id("ghost"): (UTI, 0)}
        assert asked.max_wait == timedelta(seconds=5)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_denied_topic_is_audited_with_every_answer(version: int) -> None:
    line = Line()
    for epoch, names in ((0, ("open", "secret")), (1, ())):
        line.ask(FETCH, version, epoch, *names)
        assert [(c.name, c.decision.allowed) for c in line.access.take_checked()] == [("secret", False)]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_acknowledgement_of_what_may_not_be_read_does_not_reach_the_broker(version: int) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open")
    for key in (FETCH, ACKNOWLEDGE):
        asked, answer = line.ask(key, version, 1, "open", "secret")
        assert ids(asked) == [topic_id("open")]
        assert told(answer) == {topic_id("secret"): (TAF, TAF.value if key is FETCH else 0)}


@pytest.mark.parametrize("version", VERSIONS)
def test_where_nothing_may_be_read_nobody_waits(version: int) -> None:
    asked, answer = Line().ask(FETCH, version, 0, "secret")
    assert ids(asked) == []
    assert asked.max_wait == timedelta(0)
    assert told(answer) == {topic_id("secret"): (TAF, 0)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [FETCH, ACKNOWLEDGE])
def test_a_right_that_is_lost_ends_the_session_at_its_next_request(version: int, key: ApiKey) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open", "open.a")
    line.change(NARROWER)
    asked, answer = line.ask(key, version, 1)
    assert (asked, answer.error_code) == (None, NOT_FOUND)
    asked, answer = line.ask(FETCH, version, 0, "open", "open.a")
    assert ids(asked) == [topic_id("open")]
    assert told(answer) == {topic_id("open.a"): (TAF, 0)}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_policy_change_that_changes_nothing_for_a_session_leaves_it_alone(version: int) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open")
    line.change(NARROWER)
    asked, answer = line.ask(FETCH, version, 1)
    assert asked is not None
    assert answer.error_code == NONE


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [FETCH, ACKNOWLEDGE])
def test_nobody_rides_on_the_session_of_another_connection_or_member(version: int, key: ApiKey) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open")
    assert Line().ask(key, version, 1)[1].error_code == NOT_FOUND
    for values in ({"member_id": "another"}, {"group_id": "open.b"}):
        asked, answer = line.ask(key, version, 1, **values)
        assert (asked, answer.error_code) == (None, NOT_FOUND)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [FETCH, ACKNOWLEDGE])
def test_after_its_last_request_a_session_is_gone(version: int, key: ApiKey) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open")
    assert line.ask(key, version, -1)[0] is not None
    assert line.ask(key, version, 1)[1].error_code == NOT_FOUND


@pytest.mark.parametrize("version", VERSIONS)
def test_an_acknowledgement_opens_no_session(version: int) -> None:
    asked, answer = Line().ask(ACKNOWLEDGE, version, 0, "open")
    assert (asked, answer.error_code) == (None, ErrorCode.invalid_share_session_epoch)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_forgotten_is_told_no_more(version: int) -> None:
    line = Line()
    line.ask(FETCH, version, 0, "open", "secret")
    forgotten = item_type(request_type(FETCH, version), "forgotten_topics_data")
    gone = (build(forgotten, topic_id=topic_id("secret"), partitions=(0,)),)
    for epoch, values in ((1, {"forgotten_topics_data": gone}), (2, {})):
        assert line.ask(FETCH, version, epoch, **values)[1].responses == ()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [FETCH, ACKNOWLEDGE])
@pytest.mark.parametrize(("values", "error"), [({"group_id": "other"}, GAF), ({"group_id": None}, IR)])
def test_the_group_comes_first(version: int, key: ApiKey, values: dict[str, Any], error: ErrorCode) -> None:
    asked, answer = Line().ask(key, version, 0, "open", **values)
    assert (asked, answer.error_code, answer.responses) == (None, error, ())


def test_the_sessions_of_a_connection_are_bounded() -> None:
    line = Line()
    for number in range(100):
        line.ask(FETCH, VERSIONS[-1], 0, "open", member_id=f"m{number}")
    assert line.ask(FETCH, VERSIONS[-1], 1, member_id="m0")[1].error_code == NOT_FOUND
    assert line.ask(FETCH, VERSIONS[-1], 1, member_id="m99")[1].error_code == NONE


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", [FETCH, ACKNOWLEDGE])
def test_nothing_is_shown_of_a_session_that_somebody_else_opened_by_the_same_names(version: int, key: ApiKey) -> None:
    """The broker does not tell them apart, and the other one may read more, or something else."""
    line = Line()
    line.ask(FETCH, version, 0, "open")
    line.in_session = ("open", "open.a", "secret")
    names = () if key is FETCH else ("open",)
    _, answer = line.ask(key, version, 1, *names)
    assert [topic.topic_id for topic in answer.responses] == [topic_id("open")]
