"""Kafkas with every kind of listener, an old and a new one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.embedded import KafkaCluster
from proxy.embedded.listeners import Listener, plain_listener
from proxy.embedded.network import LOOPBACK
from proxy.embedded.pki import CertificateAuthority

_PASSWORD = "store-password"


@pytest.fixture(scope="session", params=["1.1.1", "4.1.0"])
def many_doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Listeners PLAINTEXT, TLS, CERTIFICATE, LOGIN and LOGIN_TLS of one broker; ca.pem is in its directory."""
    folder = tmp_path_factory.mktemp("stores")
    authority = CertificateAuthority.create()
    authority.write_trust_store(folder / "trust.p12", _PASSWORD)
    authority.server([LOOPBACK]).write_key_store(folder / "server.p12", _PASSWORD)
    tls = {
        "ssl.keystore.location": str(folder / "server.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": _PASSWORD,
        "ssl.key.password": _PASSWORD,
        "ssl.truststore.location": str(folder / "trust.p12"),
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.password": _PASSWORD,
    }
    login = plain_listener({"door": _PASSWORD}, "LOGIN")
    encrypted = plain_listener({"door": _PASSWORD}, "LOGIN_TLS", "SASL_SSL")
    listeners = [
        Listener("TLS", "SSL", tls),
        Listener("CERTIFICATE", "SSL", tls | {"ssl.client.auth": "required"}),
        login,
        Listener("LOGIN_TLS", "SASL_SSL", {**encrypted.properties, **tls}),
    ]
    with KafkaCluster(request.param, listeners=listeners) as cluster:
        authority.write_pem(cluster.directory / "ca.pem")
        yield cluster
