"""What attacks have in common: how much memory they cost, what they left in the log, and a broker that is none."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from pathlib import Path
from typing import Self

from proxy.embedded.network import LOOPBACK
from proxy.embedded.process import ChildProcess


def most_memory(process: ChildProcess) -> int:
    """The most memory that a process ever had resident, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


class FalseBroker:
    """Listens with a certificate and keeps what it is told once the handshake is done; used by ``with``.

    ``log`` is what the other side wrote meanwhile.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.heard = b""
        self.log = ""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with contextlib.suppress(OSError), self._tls.wrap_socket(connection, server_side=True) as client:
                    self.heard += client.recv(1_000)
