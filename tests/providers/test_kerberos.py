"""GSSAPI against a real KDC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gssapi
import pytest

from policies.model import Principal
from proxy.authentication.gssapi import Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Challenge, Conversation, Failed, Outcome, Verify
from proxy.authentication.users import FileUsers
from proxy.providers.kerberos import KerberosKeys
from tests.authentication.conversations import answer
from tests.providers.kdc import REALM, Kdc

INVALID = "Authentication failed during authentication due to invalid credentials with SASL mechanism GSSAPI"


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    with Kdc(tmp_path_factory.mktemp("kdc")).running() as running:
        yield running


def offer(keytab: Path, rules: tuple[str, ...] = ("DEFAULT",), service: str = "kafka") -> Conversation:
    kerberos = Kerberos(KerberosKeys(keytab, service).accept, KerberosNames.parse(REALM, rules))
    mechanisms = Mechanisms(["GSSAPI"], FileUsers({}), lambda: "n", secret=b"s", kerberos=kerberos)
    return mechanisms.start("GSSAPI")


class Client:
    """As Java's and Cyrus's clients do it."""

    def __init__(self, kdc: Kdc, name: str = "alice", service: str = "kafka/localhost", *, mutual: bool = True) -> None:
        user = gssapi.Name(f"{name}@{REALM}", gssapi.NameType.kerberos_principal)
        store = {"client_keytab": str(kdc.client_keytab(name)), "ccache": f"MEMORY:{name}"}
        credentials = gssapi.Credentials(name=user, usage="initiate", store=store)
        flags = gssapi.RequirementFlag.integrity
        if mutual:
            flags |= gssapi.RequirementFlag.mutual_authentication
        target = gssapi.Name(f"{service}@{REALM}", gssapi.NameType.kerberos_principal)
        self.context = gssapi.SecurityContext(name=target, creds=credentials, usage="initiate", flags=flags)

    def first(self) -> bytes:
        token = self.context.step()
        assert token
        return token

    def choice(self, offered: bytes, reply: bytes) -> bytes:
        assert self.context.unwrap(offered).message == b"\x01\0\0\0"
        return self.context.wrap(reply, False).message


def challenge(conversation: Conversation, token: bytes) -> bytes:
    outcome = answer(conversation, token)
    assert isinstance(outcome, Challenge), outcome
    return outcome.data


def log_in(conversation: Conversation, client: Client, reply: bytes = b"\x01\0\0\0") -> Outcome:
    offered = challenge(conversation, client.first())
    if not client.context.complete:
        assert client.context.step(offered) is None
        offered = challenge(conversation, b"")
    return answer(conversation, client.choice(offered, reply))


@pytest.mark.parametrize("mutual", [True, False])
def test_a_client_with_a_ticket_is_its_principal(kdc: Kdc, mutual: bool) -> None:
    outcome = log_in(offer(kdc.server_keytab), Client(kdc, mutual=mutual))
    assert outcome == Authenticated(Principal("User", "alice"), data=None)


def test_rules_name_it(kdc: Kdc) -> None:
    rules = ("RULE:[2:$1-$2](admin-.*)s/-admin//U", "DEFAULT")
    outcome = log_in(offer(kdc.server_keytab, rules), Client(kdc, "admin/admin"))
    assert isinstance(outcome, Authenticated)
    assert outcome.principal == Principal("User", "ADMIN")


def test_a_principal_that_no_rule_names_is_refused(kdc: Kdc) -> None:
    outcome = log_in(offer(kdc.server_keytab, ("RULE:[2:$1]",)), Client(kdc))
    assert isinstance(outcome, Failed)
    assert "no principal-to-local rule applies to 'alice@EXAMPLE.COM'" in outcome.message


@pytest.mark.parametrize("name", [b"", b"alice@EXAMPLE.COM", b"bob@EXAMPLE.COM", b"kafka@localhost", b"\xff\0"])
def test_cve_2017_12610_the_ticket_decides_whatever_the_authorization_id_says(kdc: Kdc, name: bytes) -> None:
    outcome = log_in(offer(kdc.server_keytab), Client(kdc), b"\x01\0\0\0" + name)
    assert outcome == Authenticated(Principal("User", "alice"), data=None)


@pytest.mark.parametrize("reply", [b"\x02\0\0\0", b"\x04\xff\xff\xff", b"\0\0\0\0", b"\x05\0\0\0", b"\x01", b""])
def test_no_other_protection_than_the_one_offered_is_taken(kdc: Kdc, reply: bytes) -> None:
    outcome = log_in(offer(kdc.server_keytab), Client(kdc), reply)
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID


def test_a_ticket_for_another_service_is_refused(kdc: Kdc) -> None:
    outcome = answer(offer(kdc.server_keytab), Client(kdc, service="other/localhost").first())
    assert isinstance(outcome, Failed)
    outcome = answer(offer(kdc.client_keytab("other/localhost")), Client(kdc, service="other/localhost").first())
    assert isinstance(outcome, Failed)
    assert "the ticket is for 'other/localhost@EXAMPLE.COM', expected one for kafka/..." in outcome.detail


def test_a_token_is_good_for_one_login(kdc: Kdc) -> None:
    token = Client(kdc).first()
    challenge(offer(kdc.server_keytab), token)
    outcome = answer(offer(kdc.server_keytab), token)
    assert isinstance(outcome, Failed)
    assert "replay" in outcome.detail.lower()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1],
        lambda t: t + b"\0",
        lambda t: t[:0],
        lambda t: t[:1] * 20,
        lambda t: t[:-1] + bytes([t[-1] ^ 1]),
    ],
)
def test_a_token_that_was_touched_is_refused(kdc: Kdc, spoil: Callable[[bytes], bytes]) -> None:
    outcome = answer(offer(kdc.server_keytab), spoil(Client(kdc).first()))
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID


def test_the_choice_has_to_be_protected(kdc: Kdc) -> None:
    conversation, client = offer(kdc.server_keytab), Client(kdc)
    client.context.step(challenge(conversation, client.first()))
    challenge(conversation, b"")
    assert isinstance(answer(conversation, b"\x01\0\0\0"), Failed)


def test_without_keys_nobody_comes_in_and_the_log_says_why(kdc: Kdc, tmp_path: Path) -> None:
    outcome = answer(offer(tmp_path / "missing.keytab"), Client(kdc).first())
    assert isinstance(outcome, Failed)
    assert "the keytab cannot be used" in outcome.detail


def test_a_token_out_of_turn_ends_it(kdc: Kdc) -> None:
    conversation, client = offer(kdc.server_keytab), Client(kdc)
    first = conversation.respond(client.first())
    assert isinstance(first, Verify)
    result = first.work()
    assert isinstance(conversation.respond(b"more"), Failed)
    assert isinstance(conversation.verified(result), Failed)
    assert isinstance(conversation.respond(b"more"), Failed)
    finished = offer(kdc.server_keytab)
    assert isinstance(log_in(finished, Client(kdc)), Authenticated)
    assert isinstance(answer(finished, b""), Failed)


def test_a_result_nobody_waits_for_is_a_bug(kdc: Kdc) -> None:
    with pytest.raises(RuntimeError, match="no step is pending"):
        offer(kdc.server_keytab).verified(b"")
