"""A client that proves nothing is whom its network says; one that proves something is not."""

from __future__ import annotations

import pytest

from policies.model import Principal
from protocol.apis import ApiKey
from proxy.session.events import Authenticated
from proxy.session.session import Session
from tests.session.support import Caller, Desk, mechanisms
from tests.session.test_serving import produce

PLACES = {"10.1.2.3": Principal("User", "alice")}


def desk(host: str, certificate: bytes | None = None, *, sasl: bool = False) -> Desk:
    """A client from there, on a listener that knows some networks; with a certificate it is bob."""
    made = Desk("User:bob", sasl=mechanisms("PLAIN") if sasl else None)
    made.context.by_network = PLACES.get
    made.events.clear()
    made.session = Session(made.context, Caller(host=host), certificate)
    made.do(made.session.started())
    return made


@pytest.mark.parametrize(
    ("host", "certificate", "principal", "mechanism"),
    [
        ("10.1.2.3", None, "User:alice", "NETWORK"),
        ("10.1.2.4", None, "User:bob", "ANONYMOUS"),
        ("10.1.2.3", b"bob's", "User:bob", "SSL"),
    ],
)
def test_the_network_counts_only_without_a_certificate(
    host: str, certificate: bytes | None, principal: str, mechanism: str
) -> None:
    (event,) = [each for each in desk(host, certificate).events if isinstance(each, Authenticated)]
    assert (event.principal, event.mechanism, event.host) == (principal, mechanism, host)


def test_what_it_may_do_is_the_policy_for_that_principal() -> None:
    for host, stored in (("10.1.2.3", True), ("10.1.2.4", False)):
        at = desk(host)
        at.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
        assert (at.at_broker() is not None) is stored


def test_with_sasl_nobody_is_known_by_an_address() -> None:
    at = desk("10.1.2.3", sasl=True)
    assert not [event for event in at.events if isinstance(event, Authenticated)]
    at.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert at.at_broker() is None
