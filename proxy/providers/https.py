"""One document from one address: over TLS, no bigger and no slower than expected, and from nowhere else."""

import http.client
import ssl
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MAX_BYTES: Final = 1_048_576
TIMEOUT_S: Final = 5.0

_CHUNK: Final = 65_536


class FetchFailed(Exception):
    """The document did not come; the message says why."""


class HttpsDocument:
    """A document at an https address. Redirects are not followed: the address is part of what is trusted (SSRF)."""

    def __init__(self, url: str, ca: Path | None, *, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES) -> None:
        """`ca` names the authorities to trust instead of the system's; it is read each time, as it may change."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"expected an https address, found {url!r}")
        self._url = url
        self._host, self._port = parts.hostname, parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._ca = ca
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    def fetch(self) -> bytes:
        """Return the document. Blocks, for the timeout at most.

        :raises FetchFailed: it did not come.
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            tls = ssl.create_default_context(cafile=self._ca)
        except OSError as error:
            raise FetchFailed(f"the authorities in {str(self._ca)!r} cannot be used: {error}") from error
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=tls)
        try:
            connection.request("GET", self._target, headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise FetchFailed(f"{self._url} answered {response.status} {response.reason}, expected 200")
            return self._read(response, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise FetchFailed(f"{self._url} cannot be fetched: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        data = b""
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > self._max_bytes:
                raise FetchFailed(f"{self._url} has more than {self._max_bytes} bytes")
            # The socket's timeout is for each read: a drop now and then would last for ever.
            if time.monotonic() > deadline:
                raise FetchFailed(f"{self._url} did not come within {self._timeout_s:g} seconds")
        return data
