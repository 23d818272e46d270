"""The issuer as a server that publishes its keys over TLS, and may misbehave."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from proxy.embedded.network import LOOPBACK
from proxy.embedded.pki import CertificateAuthority

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that give up are what some tests are about."""


class IssuerServer:
    """Answers every GET by ``answer``, which a test may change while it runs; ``asked`` counts them."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.answer = answer
        self.asked = 0
        authority = CertificateAuthority.create("Issuer CA")
        self.ca = folder / "issuer-ca.pem"
        authority.write_pem(self.ca)
        authority.server([LOOPBACK]).write_pem(folder / "issuer.pem", folder / "issuer.key")
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = _Quiet((LOOPBACK, 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "issuer.pem", folder / "issuer.key")
        self.http.socket = tls.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.http.server_address[1]}/keys?v=1"

    @contextmanager
    def running(self) -> Iterator[IssuerServer]:
        thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.http.shutdown()
            self.http.server_close()
            thread.join()


def document(data: Callable[[], bytes], status: int = 200, **headers: str) -> Answer:
    """Answers with what `data` gives."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = data()
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer
