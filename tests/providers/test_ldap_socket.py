"""The encrypted way to a directory."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proxy.embedded.network import LOOPBACK
from proxy.embedded.pki import CertificateAuthority
from proxy.providers.ldap_socket import connect


class Echo:
    """Says what it hears, over TLS 1.3: after the handshake come tickets, which are no data."""

    def __init__(self, folder: Path) -> None:
        authority = CertificateAuthority.create("Echo CA")
        self.ca = folder / "echo-ca.pem"
        authority.write_pem(self.ca)
        authority.server([LOOPBACK]).write_pem(folder / "echo.pem", folder / "echo.key")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.tls.load_cert_chain(folder / "echo.pem", folder / "echo.key")
        self.listening = socket.create_server((LOOPBACK, 0))
        self.url = f"ldaps://{LOOPBACK}:{self.listening.getsockname()[1]}"
        self.greeted = threading.Event()

    def serve_one(self) -> None:
        accepted, _ = self.listening.accept()
        with self.tls.wrap_socket(accepted, server_side=True) as client:
            self.greeted.set()
            while data := client.recv(65_536):
                client.sendall(data)


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    with ThreadPoolExecutor(1) as thread:
        server = Echo(tmp_path)
        serving = thread.submit(server.serve_one)
        yield server
        server.listening.close()
        serving.result(10)


def test_what_is_said_comes_across_and_the_end_too(echo: Echo) -> None:
    with connect(echo.url, echo.ca, 5) as wire:
        wire.settimeout(10)
        assert echo.greeted.wait(10)
        before = time.monotonic()
        wire.sendall(b"hello")
        assert wire.recv(5) == b"hello"
        assert time.monotonic() - before < 3
        large = bytes(300_000)
        with ThreadPoolExecutor(1) as other:
            sent = other.submit(wire.sendall, large)
            received = b""
            while len(received) < len(large):
                received += wire.recv(65_536)
            sent.result(10)
        assert received == large


def test_when_the_server_ends_so_do_we(tmp_path: Path) -> None:
    server = Echo(tmp_path)
    with server.listening, ThreadPoolExecutor(1) as thread:

        def leave() -> None:
            accepted, _ = server.listening.accept()
            server.tls.wrap_socket(accepted, server_side=True).close()

        leaving = thread.submit(leave)
        with connect(server.url, server.ca, 5) as wire:
            wire.settimeout(10)
            assert wire.recv(1) == b""
        leaving.result(10)
