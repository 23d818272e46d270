"""Which mechanisms a listener offers."""

from typing import Any

import pytest

from proxy.authentication.gssapi import Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.mechanisms import SUPPORTED_MECHANISMS, Mechanisms
from proxy.authentication.tokens import TokenChecker, TokenRules
from proxy.authentication.users import FileUsers


class NoKeys:
    keys = None

    def renewed(self, _seen: object) -> None:
        return None


NO_KEYS = Kerberos(lambda: pytest.fail("nobody begins a context"), KerberosNames.parse("EXAMPLE.COM", []))


def offer(*names: str) -> Mechanisms:
    tokens = TokenChecker(TokenRules("https://issuer.example.com"), NoKeys(), lambda: 0)
    return Mechanisms(names, FileUsers({}), lambda: "nonce", secret=b"secret", tokens=tokens, kerberos=NO_KEYS)


def test_the_order_of_the_configuration_is_kept() -> None:
    assert offer("SCRAM-SHA-512", "PLAIN").names == ("SCRAM-SHA-512", "PLAIN")


@pytest.mark.parametrize("name", SUPPORTED_MECHANISMS)
def test_every_supported_mechanism_starts_a_conversation_of_its_own(name: str) -> None:
    mechanisms = offer(name)
    assert mechanisms.start(name) is not mechanisms.start(name)


@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "plain", "", "GSSAPI"])
def test_what_is_not_enabled_does_not_start(name: str) -> None:
    with pytest.raises(KeyError):
        offer("PLAIN").start(name)


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "plain", "NTLM"])
def test_what_is_not_supported_cannot_be_enabled(name: Any) -> None:
    with pytest.raises(ValueError, match="unsupported SASL mechanisms"):
        offer("PLAIN", name)


@pytest.mark.parametrize("name", ["OAUTHBEARER", "GSSAPI"])
def test_a_mechanism_that_lacks_what_it_needs_cannot_be_enabled(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs"):
        Mechanisms([name], FileUsers({}), lambda: "nonce", secret=b"secret")
