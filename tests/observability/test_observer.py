"""What happens is counted, told in the audit trail and logged: each fact where it belongs."""

from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.observability.first_bytes import LooksLike
from proxy.observability.metrics import Metrics
from proxy.observability.observer import Observer
from proxy.session.events import CloseReason, SessionEvent
from tests.observability.facts import (
    HEAD,
    authenticated,
    authentication_failed,
    closed,
    denied,
    granted,
    opened,
    refused,
)


class Trail:
    """An audit trail in memory."""

    def __init__(self) -> None:
        self.records: list[Mapping[str, object]] = []

    def write(self, record: Mapping[str, object]) -> bool:
        self.records.append(record)
        return True

    @property
    def events(self) -> list[object]:
        return [record["event"] for record in self.records]


class World:
    """An observer with all that it tells."""

    def __init__(self, *, grants: bool = False) -> None:
        self.metrics = Metrics("1.2.3", process=False)
        self.trail = Trail()
        self.now = 0.0
        self.observe = Observer(self.metrics, self.trail, grants=grants, clock=lambda: 0.0, monotonic=lambda: self.now)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"doorkeeper_{name}", labels)

    def logged(self, *events: SessionEvent) -> list[Any]:
        with capture_logs() as logs:
            for event in events:
                self.observe(event)
        return logs


def failures(world: World, **changes: str) -> float | None:
    """Failed authentications with these labels."""
    usual = {"listener": "clients", "mechanism": "PLAIN", "result": "failure", "reason": "credentials"}
    return world.value("authentications_total", **usual | changes)


@pytest.fixture
def world() -> World:
    return World()


def connections(world: World) -> tuple[float | None, float | None]:
    return (
        world.value("connections", listener="clients", state="unauthenticated"),
        world.value("connections", listener="clients", state="authenticated"),
    )


def test_a_connection_is_counted_from_its_beginning_to_its_end(world: World):
    world.observe(opened())
    assert connections(world) == (1, None)
    world.observe(authenticated())
    assert connections(world) == (0, 1)
    world.observe(closed(principal="User:alice"))
    assert connections(world) == (0, 0)
    assert world.value("connections_opened_total", listener="clients") == 1
    assert world.value("connections_closed_total", listener="clients", reason="client_closed") == 1


def test_a_connection_that_never_authenticates_leaves_as_it_came(world: World):
    world.observe(opened())
    world.observe(closed(reason=CloseReason.AUTHENTICATION_TIMEOUT))
    assert connections(world)[0] == 0
    assert world.value("connections_closed_total", listener="clients", reason="authentication_timeout") == 1


def test_authenticating_again_on_an_open_connection_counts_it_once(world: World):
    world.observe(opened())
    world.observe(authenticated())
    world.observe(authenticated())
    assert connections(world) == (0, 1)
    succeeded = {"listener": "clients", "mechanism": "PLAIN", "result": "success", "reason": ""}
    assert world.value("authentications_total", **succeeded) == 2
    assert world.trail.events == ["authentication.succeeded"] * 2


def test_a_failed_authentication_is_counted_told_and_logged(world: World):
    (line,) = world.logged(authentication_failed())
    assert failures(world) == 1
    assert world.trail.events == ["authentication.failed"]
    assert (line["log_level"], line["event"], line["detail"]) == ("warning", "authentication failed", "wrong password")


def test_a_mechanism_that_a_client_made_up_is_no_label(world: World):
    world.observe(authentication_failed(mechanism="X-1"))
    world.observe(authentication_failed(mechanism="X-2"))
    assert failures(world, mechanism="Unknown") == 2


def test_what_kind_of_failure_it_was_is_a_label(world: World):
    world.observe(authentication_failed(reason="unavailable"))
    assert (failures(world), failures(world, reason="unavailable")) == (None, 1)


def test_handshakes_are_counted_by_their_version(world: World):
    world.observe.tls_handshake_done("clients", "TLSv1.3")
    assert world.value("tls_handshakes_total", listener="clients", version="TLSv1.3") == 1


def test_it_is_told_when_the_keys_of_an_issuer_were_had_last(world: World):
    def counted() -> list[float | None]:
        return [world.value("jwks_fetches_total", listener="clients", result=each) for each in ("success", "failure")]

    world.observe.issuer_keys("clients", False)
    assert world.value("jwks_last_success_timestamp_seconds", listener="clients") is None
    world.observe.issuer_keys("clients", True)
    assert counted() == [1, 1]
    assert world.value("jwks_last_success_timestamp_seconds", listener="clients") == 0.0


def test_a_denial_is_counted_by_what_was_denied_and_told(world: World):
    assert world.logged(denied()) == []
    labels = {"api": "DescribeConfigs", "operation": "DescribeConfigs", "resource_type": "Topic"}
    assert world.value("denials_total", **labels) == 1
    assert world.value("observed_denials_total", **labels) is None
    assert world.trail.events == ["authorization.denied"]


def test_what_was_let_through_does_not_count_as_denied(world: World):
    world.observe(denied(observed=True))
    labels = {"api": "DescribeConfigs", "operation": "DescribeConfigs", "resource_type": "Topic"}
    assert world.value("denials_total", **labels) is None
    assert world.value("observed_denials_total", **labels) == 1
    assert world.trail.events == ["authorization.denied"]


def test_grants_are_told_only_if_wanted(world: World):
    world.observe(granted())
    assert world.trail.events == []
    wanted = World(grants=True)
    wanted.observe(granted())
    assert wanted.trail.events == ["authorization.granted"]


def test_a_refused_request_is_counted_and_logged_with_who_sent_it(world: World):
    (line,) = world.logged(refused(client_id="app"))
    assert world.value("requests_refused_total", api="Unknown", reason="unknown_api") == 1
    assert (line["log_level"], line["client_id"], line["reason"]) == ("warning", "app", "unknown_api")


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        (CloseReason.CLIENT_CLOSED, "debug"),
        (CloseReason.DRAINED, "debug"),
        (CloseReason.BROKER_UNREACHABLE, "warning"),
        (CloseReason.MALFORMED_REQUEST, "warning"),
    ],
)
def test_only_an_end_that_is_not_usual_is_worth_a_warning(world: World, reason: CloseReason, level: str):
    (line,) = world.logged(closed(reason=reason, detail="why"))
    assert (line["log_level"], line["reason"], line["detail"]) == (level, reason.value, "why")


def test_a_mistake_that_repeats_is_logged_once_a_minute_and_counted_every_time(world: World):
    assert len(world.logged(*[authentication_failed()] * 10)) == 1
    world.now = 60.0
    (line,) = world.logged(authentication_failed())
    assert line["repeated"] == 9
    assert failures(world) == 11
    assert len(world.trail.events) == 11


def test_another_user_from_the_same_host_is_another_mistake(world: World):
    assert len(world.logged(authentication_failed(), authentication_failed(username="bob"))) == 2


@pytest.mark.parametrize(
    ("looks_like", "protocol", "words"),
    [
        (LooksLike.TLS, "SASL_PLAINTEXT", "set security.protocol of the client to SASL_PLAINTEXT"),
        (LooksLike.KAFKA_PLAINTEXT, "SASL_SSL", "set security.protocol of the client to SASL_SSL"),
        (LooksLike.HTTP, "SSL", "/livez"),
        (LooksLike.PROXY_PROTOCOL, "SSL", "load balancer"),
        (LooksLike.OTHER, "SSL", "neither TLS nor Kafka"),
    ],
)
def test_wrong_first_bytes_are_named_with_the_remedy(world: World, looks_like: LooksLike, protocol: str, words: str):
    with capture_logs() as logs:
        world.observe.first_bytes_rejected("clients", protocol, "10.0.0.7", looks_like)
    assert world.value("first_bytes_rejected_total", listener="clients", looks_like=looks_like.value) == 1
    (line,) = logs
    assert words in line["remedy"]
    assert line["event"] == f"{looks_like.value} on a {protocol} port"


def test_a_failed_handshake_is_counted_by_its_reason_and_logged_with_its_detail(world: World):
    with capture_logs() as logs:
        world.observe.tls_handshake_failed("clients", "10.0.0.7", "unknown_ca", "the client does not trust us")
    assert world.value("tls_handshakes_failed_total", listener="clients", reason="unknown_ca") == 1
    assert logs[0]["detail"] == "the client does not trust us"


def test_a_bug_is_counted_and_logged_as_an_error_with_its_traceback(world: World):
    error = ValueError("impossible")
    with capture_logs() as logs:
        world.observe.session_bug("s1", "clients", "10.0.0.7", error)
    assert world.value("session_bugs_total") == 1
    assert (logs[0]["log_level"], logs[0]["exc_info"]) == ("error", error)


def test_policy_and_brokers_show_their_state(world: World):
    world.observe.policy_in_force(7, 1234.5)
    world.observe.policy_reloaded(success=False)
    world.observe.broker_up(1, True)
    world.observe.broker_up(2, False)
    assert world.value("policy_generation") == 7
    assert world.value("policy_loaded_timestamp_seconds") == 1234.5
    assert world.value("policy_reloads_total", result="failure") == 1
    assert world.value("policy_reloads_total", result="success") == 0
    assert (world.value("broker_up", node_id="1"), world.value("broker_up", node_id="2")) == (1, 0)


def test_an_event_that_nobody_knows_is_a_bug(world: World):
    with pytest.raises(TypeError, match="no observer for SessionEvent"):
        world.observe(SessionEvent(**HEAD))


def test_logins_with_a_wrong_scram_nonce_are_counted(world: World) -> None:
    world.observe(authenticated())
    assert world.value("legacy_scram_nonces_total", listener="clients") is None
    world.observe(authenticated(legacy_scram_nonce=True))
    assert world.value("legacy_scram_nonces_total", listener="clients") == 1
