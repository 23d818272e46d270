"""The keys of an issuer, kept up to date without trusting more than its address."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from proxy.embedded.pki import CertificateAuthority
from proxy.providers.https import FetchFailed, HttpsDocument
from proxy.providers.key_feed import KeyFeed
from tests.authentication.issuer import Issuer
from tests.providers.issuer_server import IssuerServer, document


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def server(tmp_path: Path, issuer: Issuer) -> Iterator[IssuerServer]:
    with IssuerServer(tmp_path, document(issuer.jwks)).running() as running:
        yield running


class Telling(list[str | None]):
    def __call__(self, failure: str | None) -> None:
        self.append(failure)


def kids(feed: KeyFeed) -> set[str | None]:
    assert feed.keys is not None
    return {key.kid for key in feed.keys.keys}


def test_keys_are_fetched_and_a_rotation_is_seen(server: IssuerServer, issuer: Issuer) -> None:
    told = Telling()
    feed = KeyFeed(HttpsDocument(server.url, server.ca).fetch, told)
    assert feed.keys is None
    assert feed.refresh()
    assert kids(feed) == {"one"}
    issuer.rotate("two")
    assert feed.refresh()
    assert kids(feed) == {"one", "two"}
    assert told == [None, None]


@pytest.mark.parametrize("bad", [b"<html>maintenance</html>", b'{"keys": []}'])
def test_what_is_in_force_stays_when_newer_keys_cannot_be_had(server: IssuerServer, issuer: Issuer, bad: bytes) -> None:
    told = Telling()
    feed = KeyFeed(HttpsDocument(server.url, server.ca).fetch, told)
    feed.refresh()
    server.answer = document(lambda: bad)
    assert not feed.refresh()
    assert kids(feed) == {"one"}
    assert told[1] is not None
    server.answer = document(issuer.jwks)
    assert feed.refresh()
    assert told[2] is None


def test_cve_2025_27817_no_redirect_is_followed(server: IssuerServer) -> None:
    server.answer = document(lambda: b"", 302, Location=server.url)
    with pytest.raises(FetchFailed, match="answered 302 Found, expected 200"):
        HttpsDocument(server.url, server.ca).fetch()
    assert server.asked == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1/keys", "file:///etc/passwd", "https://", "ftp://x/y", "keys.json"])
def test_cve_2025_27817_only_https_addresses_are_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="expected an https address"):
        HttpsDocument(url, None)


def test_a_document_without_measure_is_not_read_to_its_end(server: IssuerServer) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b" " * 65_536)
        except OSError:
            pass

    server.answer = endless
    with pytest.raises(FetchFailed, match="more than 1000000 bytes"):
        HttpsDocument(server.url, server.ca, max_bytes=1_000_000).fetch()


def test_a_document_that_drips_is_given_up(server: IssuerServer) -> None:
    stop = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while not stop.wait(0.02):
                request.wfile.write(b" ")
        except OSError:
            pass

    server.answer = drip
    before = time.monotonic()
    with pytest.raises(FetchFailed, match="did not come within"):
        HttpsDocument(server.url, server.ca, timeout_s=0.3).fetch()
    assert time.monotonic() - before < 5
    stop.set()


def test_a_server_of_a_strange_authority_is_not_believed(server: IssuerServer, tmp_path: Path) -> None:
    CertificateAuthority.create("Strange CA").write_pem(tmp_path / "strange.pem")
    for ca in (tmp_path / "strange.pem", None):
        with pytest.raises(FetchFailed, match="certificate verify failed"):
            HttpsDocument(server.url, ca).fetch()
    assert server.asked == 0


def test_the_authorities_to_trust_may_change(server: IssuerServer, tmp_path: Path) -> None:
    ca = tmp_path / "changing.pem"
    document = HttpsDocument(server.url, ca)
    with pytest.raises(FetchFailed, match=r"changing.pem' cannot be used"):
        document.fetch()
    ca.write_bytes(server.ca.read_bytes())
    assert document.fetch()


def test_a_certificate_for_another_name_is_not_believed(server: IssuerServer) -> None:
    with pytest.raises(FetchFailed, match="certificate verify failed"):
        HttpsDocument(server.url.replace("127.0.0.1", "localhost"), server.ca).fetch()


def test_an_issuer_that_is_gone_is_told(tmp_path: Path, issuer: Issuer) -> None:
    with IssuerServer(tmp_path, document(issuer.jwks)).running() as gone:
        url = gone.url
    with pytest.raises(FetchFailed, match="cannot be fetched"):
        HttpsDocument(url, gone.ca).fetch()


def test_a_thousand_tokens_with_unknown_keys_are_few_questions(issuer: Issuer) -> None:
    asked, gate = [], threading.Event()

    def fetch() -> bytes:
        asked.append(1)
        assert gate.wait(5)
        return issuer.jwks()

    feed = KeyFeed(fetch, Telling(), at_most_every_s=0.0)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(feed.renewed, None) for _ in range(20)]
        gate.set()
        assert all(each.result(5) is not None for each in waiting)
    assert len(asked) <= 2


def test_the_issuer_is_not_asked_more_often_than_it_should_be(issuer: Issuer) -> None:
    times = []

    def fetch() -> bytes:
        times.append(time.monotonic())
        return issuer.jwks()

    feed = KeyFeed(fetch, Telling(), at_most_every_s=0.2)
    for _ in range(3):
        feed.renewed(feed.keys)
    assert all(later - earlier >= 0.19 for earlier, later in itertools.pairwise(times))


def test_nobody_waits_for_an_issuer_that_has_just_failed(issuer: Issuer) -> None:
    asked: list[int] = []

    def fetch() -> bytes:
        asked.append(1)
        if len(asked) == 2:
            raise FetchFailed("gone")
        return issuer.jwks()

    feed = KeyFeed(fetch, Telling(), at_most_every_s=60)
    feed.refresh()
    known = feed.keys
    assert not feed.refresh()
    before = time.monotonic()
    assert feed.renewed(known) is known
    assert time.monotonic() - before < 5
    assert len(asked) == 2


def test_who_asks_for_newer_keys_than_there_are_gets_those_that_somebody_else_fetched(issuer: Issuer) -> None:
    feed = KeyFeed(issuer.jwks, Telling())
    feed.refresh()
    old = feed.keys
    feed.refresh()
    newer = feed.keys
    assert feed.renewed(old) is newer
