"""Who a client is by the alternative names of its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from cryptography import x509

from policies.model import Principal
from policies.principals import PrincipalMapping
from proxy.authentication.alternative_names import InvalidAlternativeName, dns_name, spiffe_id, uri
from proxy.authentication.certificates import certificate_principal
from tests.transport.pki import authority

ROOT = authority()
ID = "spiffe://example.org/ns/orders/sa/web"
DEFAULT = PrincipalMapping.parse(["DEFAULT"])

DNS = x509.DNSName
URI = x509.UniformResourceIdentifier


def certificate(*names: x509.GeneralName, subject: str = "subject") -> bytes:
    return ROOT.issue(subject, alternatives=names).der


def test_each_source_gives_its_own_kind_of_name() -> None:
    both = certificate(
        DNS("Web.Example.COM"), URI(ID), x509.RFC822Name("a@example.com"), x509.IPAddress(ip_address("::1"))
    )
    expected = {"subject": "CN=subject", "san_dns": "web.example.com", "san_uri": ID, "spiffe": ID}
    for source, name in expected.items():
        assert certificate_principal(both, DEFAULT, source) == Principal("User", name)


def test_mapping_rules_apply_to_every_source() -> None:
    rules = PrincipalMapping.parse([r"RULE:^spiffe:\/\/example\.org\/ns\/([^\/]+)\/sa\/(.+)$/$1.$2/L", "DEFAULT"])
    assert certificate_principal(certificate(URI(ID)), rules, "spiffe") == Principal("User", "orders.web")
    dns = PrincipalMapping.parse([r"RULE:^([a-z]+)\..*$/$1/U"])
    assert certificate_principal(certificate(DNS("web.example.com")), dns, "san_dns") == Principal("User", "WEB")


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.RFC822Name("web.example.com@example.com")],
        [URI("web.example.com:80")],
        [x509.DirectoryName(x509.Name([]))],
        [DNS("a.example.com"), DNS("b.example.com")],
        [DNS("a.example.com"), DNS("a.example.com")],
        [DNS("*.example.com")],
        [DNS("a.example.com\0.mallory.com")],
        [DNS("a.example.com,CN=admin")],
        [DNS("a example.com")],
        [DNS("a..example.com")],
        [DNS("")],
        [DNS("a" * 64 + ".com")],
        [DNS(".".join(["a" * 60] * 5))],
    ],
)
def test_cve_2022_21656_only_one_dns_name_is_a_dns_name(names: Sequence[x509.GeneralName]) -> None:
    with pytest.raises(InvalidAlternativeName):
        dns_name(certificate(*names))


@pytest.mark.parametrize(
    "names",
    [
        [],
        [DNS("spiffe.example.org")],
        [x509.RFC822Name("spiffe://example.org/a")],
        [URI(ID), URI(ID)],
        [URI(ID), URI("https://example.org/")],
        [URI("https://example.org/ns/orders")],
        [URI("spiffe://example.org")],
        [URI("spiffe://example.org/")],
        [URI("spiffe://example.org/a/")],
        [URI("spiffe://example.org//a")],
        [URI("spiffe://example.org/a/../admin")],
        [URI("spiffe://example.org/./a")],
        [URI("spiffe://Example.org/a")],
        [URI("SPIFFE://example.org/a")],
        [URI("spiffe://example.org:443/a")],
        [URI("spiffe://user@example.org/a")],
        [URI("spiffe://example.org/a?x=1")],
        [URI("spiffe://example.org/a#x")],
        [URI("spiffe://example.org/a%2fb")],
        [URI("spiffe:///a")],
        [URI("spiffe://example.org/a b")],
        [URI("spiffe://example.org/" + "a" * 2_048)],
    ],
)
def test_only_one_spiffe_id_is_a_spiffe_id(names: Sequence[x509.GeneralName]) -> None:
    with pytest.raises(InvalidAlternativeName):
        spiffe_id(certificate(*names))


def test_dots_within_a_part_of_a_spiffe_id_are_fine() -> None:
    assert spiffe_id(certificate(URI("spiffe://example.org/a.b/..c/d.."))) == "spiffe://example.org/a.b/..c/d.."


@pytest.mark.parametrize("text", ["no-scheme", "a b:c", "urn:a b", ":x", "1x:y"])
def test_what_is_no_uri_is_nobody(text: str) -> None:
    with pytest.raises(InvalidAlternativeName):
        uri(certificate(URI(text)))


def test_what_is_no_certificate_is_nobody() -> None:
    with pytest.raises(InvalidAlternativeName, match="cannot be read"):
        dns_name(b"\x30\x00")
