"""Our tickets against a real KDC, and what an acceptor that is not the broker gets of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from policies.model import Principal
from proxy.authentication.gssapi import GssapiConversation, Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.outcome import Authenticated, Challenge, Failed, Outcome
from proxy.config.cluster_model import KerberosLogin
from proxy.providers.kerberos import KerberosKeys
from proxy.providers.security_context import SecurityContext
from proxy.upstream.credentials import mechanisms_for
from proxy.upstream.kerberos import _FLAGS, _flaw
from proxy.upstream.mechanisms import ClientMechanism, MechanismFailed
from tests.authentication.conversations import answer
from tests.providers.kdc import REALM, Kdc


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    with Kdc(tmp_path_factory.mktemp("kdc")).running() as running:
        yield running


def client(kdc: Kdc, name: str = "alice", host: str = "localhost", **more: str) -> ClientMechanism:
    login = KerberosLogin(keytab=kdc.client_keytab(name), principal=f"{name}@{REALM}", **more)
    return mechanisms_for(login)(host)


def broker(keytab: Path, service: str = "kafka") -> GssapiConversation:
    names = KerberosNames.parse(REALM, ["DEFAULT"])
    return GssapiConversation(Kerberos(KerberosKeys(keytab, service).accept, names))


def log_in(mechanism: ClientMechanism, conversation: GssapiConversation) -> Outcome:
    token: bytes | None = mechanism.first()
    while True:
        assert token is not None
        outcome = answer(conversation, token)
        if not isinstance(outcome, Challenge):
            return outcome
        token = mechanism.respond(outcome.data)


def test_a_keytab_makes_us_its_principal(kdc: Kdc) -> None:
    mechanism = client(kdc)
    assert log_in(mechanism, broker(kdc.server_keytab)) == Authenticated(Principal("User", "alice"), data=None)
    assert mechanism.complete
    assert mechanism.respond(b"") is None


def test_the_next_login_needs_no_kdc(kdc: Kdc) -> None:
    login = KerberosLogin(keytab=kdc.client_keytab("alice"), principal=f"alice@{REALM}")
    make = mechanisms_for(login)
    assert isinstance(log_in(make("localhost"), broker(kdc.server_keytab)), Authenticated)
    kdc.process.stop()
    try:
        assert isinstance(log_in(make("localhost"), broker(kdc.server_keytab)), Authenticated)
    finally:
        kdc.process.start()
        kdc.process.wait_until(kdc._accepts, 30.0)


def test_two_principals_of_one_process_are_not_mixed_up(kdc: Kdc) -> None:
    for name in ("alice", "bob", "alice"):
        assert log_in(client(kdc, name), broker(kdc.server_keytab)) == Authenticated(Principal("User", name), data=None)


def test_without_a_keytab_the_tickets_are_those_of_the_process(kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"MEMORY:{kdc.folder}")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(kdc.client_keytab("bob")))
    mechanism = mechanisms_for(KerberosLogin())("localhost")
    assert log_in(mechanism, broker(kdc.server_keytab)) == Authenticated(Principal("User", "bob"), data=None)


def test_without_any_ticket_that_is_told(kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{kdc.folder}/no-such-cache")
    monkeypatch.delenv("KRB5_CLIENT_KTNAME", raising=False)
    with pytest.raises(MechanismFailed, match="No Kerberos credentials available"):
        mechanisms_for(KerberosLogin())("localhost").first()


def test_a_host_without_a_principal_is_told(kdc: Kdc) -> None:
    with pytest.raises(MechanismFailed, match=r"Server kafka/elsewhere.+ not found in Kerberos database"):
        client(kdc, host="elsewhere").first()


@pytest.mark.parametrize(("keytab", "principal"), [("missing", "alice"), ("alice", "bob")])
def test_a_keytab_that_does_not_hold_our_key_is_told(kdc: Kdc, keytab: str, principal: str) -> None:
    login = KerberosLogin(keytab=kdc.client_keytab(keytab), principal=f"{principal}@{REALM}")
    with pytest.raises(MechanismFailed):
        mechanisms_for(login)("localhost").first()


def test_another_service_is_asked_for_if_it_is_named(kdc: Kdc) -> None:
    keytab = kdc.client_keytab("other/localhost")
    outcome = log_in(client(kdc, service_name="other"), broker(keytab, service="other"))
    assert isinstance(outcome, Authenticated)


def test_who_has_not_the_brokers_key_cannot_take_our_ticket(kdc: Kdc) -> None:
    outcome = answer(broker(kdc.client_keytab("other/localhost"), service="other"), client(kdc).first())
    assert isinstance(outcome, Failed)


@pytest.mark.parametrize("forged", [b"", b"\x60\x03abc", b"\xff" * 200])
def test_who_cannot_prove_to_be_the_broker_is_refused(kdc: Kdc, forged: bytes) -> None:
    mechanism = client(kdc)
    mechanism.first()
    with pytest.raises(MechanismFailed):
        mechanism.respond(forged)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_context_that_proves_less_than_we_asked_for_is_refused(missing: int) -> None:
    flags = list(_FLAGS)
    del flags[missing]
    established = SimpleNamespace(step=lambda _token: b"", complete=True, actual_flags=flags)
    with pytest.raises(MechanismFailed, match="did not prove"):
        SecurityContext(established, MechanismFailed, _flaw).step(b"proof")


def test_an_offer_that_was_changed_on_its_way_is_refused(kdc: Kdc) -> None:
    mechanism, conversation = client(kdc), broker(kdc.server_keytab)
    proof = answer(conversation, mechanism.first())
    assert isinstance(proof, Challenge)
    token = mechanism.respond(proof.data)
    assert token is not None
    offer = answer(conversation, token)
    assert isinstance(offer, Challenge)
    changed = bytearray(offer.data)
    changed[-1] ^= 1
    with pytest.raises(MechanismFailed):
        mechanism.respond(bytes(changed))
