"""Where tokens come from: a file that changes, and an issuer that is asked no more than needed."""

import base64
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from proxy.config.cluster_model import ClientCredentialsLogin, TokenFileLogin
from proxy.config.secret import Secret, secret_file
from proxy.upstream.credentials import mechanisms_for
from proxy.upstream.mechanisms import MechanismFailed
from proxy.upstream.tokens import Issued, IssuedToken, TokenEndpoint, TokenFile
from tests.transport.support import Authority


class Issuer:
    """A clock, and an issuer whose tokens are numbered."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.down = False

    def ask(self) -> Issued:
        if self.down:
            raise MechanismFailed("down")
        self.asked += 1
        return Issued(f"token-{self.asked}", 100)


def test_a_file_is_read_again_each_time(tmp_path):
    path = tmp_path / "token"
    path.write_text("one\n")
    make = mechanisms_for(TokenFileLogin(path))
    assert make("broker").first() == b"n,,\x01auth=Bearer one\x01\x01"
    path.write_text("two")
    assert make("broker").first() == b"n,,\x01auth=Bearer two\x01\x01"


@pytest.mark.parametrize("content", [b"", b"\n", b"a b", b"a\x01b", b"\xff", b"a" * 131_073])
def test_a_file_without_a_token_is_told(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(MechanismFailed, match=str(tmp_path / "token")):
        TokenFile(tmp_path / "token").token()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MechanismFailed, match="No such file"):
        TokenFile(tmp_path / "token").token()


def test_a_token_is_kept_until_most_of_its_life_is_over():
    issuer = Issuer()
    source = IssuedToken(issuer.ask, lambda: issuer.now)
    assert [source.token(), source.token()] == ["token-1", "token-1"]
    issuer.now = 79
    assert source.token() == "token-1"
    issuer.now = 80
    assert source.token() == "token-2"


def test_while_the_issuer_is_down_a_valid_token_serves_on():
    issuer = Issuer()
    source = IssuedToken(issuer.ask, lambda: issuer.now)
    source.token()
    issuer.now, issuer.down = 90, True
    assert source.token() == "token-1"
    issuer.now = 100
    for _ in range(3):
        with pytest.raises(MechanismFailed):
            source.token()
    issuer.down = False
    issuer.now = 101
    assert source.token() == "token-2"


def test_an_issuer_that_is_down_is_asked_once_a_second_and_no_more():
    issuer = Issuer()
    asked = []
    source = IssuedToken(lambda: asked.append(1) or issuer.ask(), lambda: issuer.now)
    issuer.down = True
    for issuer.now in (0, 0.5, 0.9, 1.0, 1.5):
        with pytest.raises(MechanismFailed, match="down"):
            source.token()
    assert len(asked) == 2


def test_many_logins_ask_the_issuer_once():
    issuer = Issuer()
    source = IssuedToken(issuer.ask, lambda: issuer.now)
    threads = [threading.Thread(target=source.token) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert issuer.asked == 1


@pytest.fixture
def endpoint(tmp_path):
    """Serves one answer over TLS, and keeps what it was asked."""
    authority = Authority(tmp_path, "issuer-ca")
    asked: list[tuple[str, dict, str]] = []
    answer: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, dict(self.headers), body))
            status, content = answer[-1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("issuer", "127.0.0.1"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/token?tenant=1", authority.pem, answer, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_issuer_is_asked_by_our_id_and_secret(endpoint):
    url, ca, answer, asked = endpoint
    answer.append((200, b'{"access_token": "abc", "expires_in": 300, "token_type": "Bearer"}'))
    login = ClientCredentialsLogin(url, "my:id", Secret("s/ecret"), scope="kafka read", token_endpoint_ca=ca)
    make = mechanisms_for(login)
    assert make("broker").first() == make("broker").first() == b"n,,\x01auth=Bearer abc\x01\x01"
    ((path, headers, body),) = asked
    assert path == "/token?tenant=1"
    assert parse_qs(body) == {"grant_type": ["client_credentials"], "scope": ["kafka read"]}
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"my%3Aid:s%2Fecret"


def test_the_issuer_is_asked_by_the_secret_that_the_file_has_now(endpoint, tmp_path):
    url, ca, answer, asked = endpoint
    answer.append((200, b'{"access_token": "abc", "expires_in": 1}'))
    secret = tmp_path / "secret"
    secret.write_text("one")
    endpoint = TokenEndpoint(url, "id", secret_file(secret).reveal, ca=ca)
    for text in ("one", "two"):
        secret.write_text(text)
        endpoint.ask()
    told = [base64.b64decode(headers["Authorization"].removeprefix("Basic ")) for _, headers, _ in asked]
    assert told == [b"id:one", b"id:two"]


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (401, b'{"error": "invalid_client"}', "answers 401 Unauthorized invalid_client"),
        (302, b"{}", "answers 302"),
        (200, b"{}", "without an access_token"),
        (200, b'{"access_token": ""}', "gives no token"),
        (200, b'{"access_token": "a", "expires_in": "soon"}', "expected seconds"),
        (200, b"[]", "no JSON object"),
        (200, b"<html>", "no JSON object"),
        (200, b"[" * 131_073, "no JSON object"),
    ],
)
def test_an_issuer_that_gives_no_token_is_told(endpoint, status, content, why):
    url, ca, answer, _ = endpoint
    answer.append((status, content))
    with pytest.raises(MechanismFailed, match=why) as caught:
        TokenEndpoint(url, "id", lambda: "the-secret", ca=ca).ask()
    assert "the-secret" not in str(caught.value)


def test_an_issuer_that_is_not_trusted_never_sees_the_secret(endpoint):
    url, _, _, asked = endpoint
    with pytest.raises(MechanismFailed, match="certificate verify failed"):
        TokenEndpoint(url, "id", lambda: "secret").ask()
    assert asked == []


def test_a_secret_never_goes_anywhere_in_clear_text():
    with pytest.raises(ValueError, match="https"):
        TokenEndpoint("http://issuer/token", "id", lambda: "secret")
