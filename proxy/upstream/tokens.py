"""Where the token of OAUTHBEARER comes from: a file that somebody keeps fresh, or the issuer itself."""

import http.client
import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

from proxy.upstream.mechanisms import MechanismFailed

_MAX_BYTES: Final = 131_072
_TIMEOUT_S: Final = 10.0
_RENEW_AT: Final = 0.8
_AFTER_FAILURE_S: Final = 5.0
_SHORTEST_LIFE_S: Final = 1.0


class TokenSource(Protocol):
    """Gives a token that is valid now. May wait for a disk or another machine."""

    def token(self) -> str:
        """The token.

        :raises MechanismFailed: there is none.
        """
        ...


class TokenFile:
    """A file with nothing but the token in it, read again for each login."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """What the file says now.

        :raises MechanismFailed: it cannot be read, or is no token.
        """
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES + 1).decode("ascii").strip()
        except OSError as error:
            raise MechanismFailed(f"{self._path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise MechanismFailed(f"{self._path} holds no token") from error
        return checked(text, str(self._path))


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and for how many seconds it is valid."""

    token: str
    expires_in_s: float


class IssuedToken:
    """A token of the issuer, kept until four fifths of its life are over.

    While the issuer cannot be asked the old one serves on as long as it is valid. ``now`` is a clock that never goes
    back, in seconds.
    """

    def __init__(self, ask: Callable[[], Issued], now: Callable[[], float]) -> None:
        self._ask = ask
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._failure: MechanismFailed | None = None
        self._renew_at = float("-inf")
        self._expires_at = float("-inf")

    def token(self) -> str:
        """The token. One login asks the issuer, others that come meanwhile wait for it.

        :raises MechanismFailed: there is no valid one, and the issuer gives none.
        """
        with self._lock:
            if self._now() >= self._renew_at:
                self._renew()
            if self._failure is not None:
                raise MechanismFailed(str(self._failure))
            return self._token

    def _renew(self) -> None:
        asked_at = self._now()
        try:
            issued = self._ask()
        except MechanismFailed as failure:
            # Remembered for a while: hundreds of clients must not wait for an issuer one after the other.
            self._renew_at = min(asked_at + _AFTER_FAILURE_S, max(self._expires_at, asked_at + _SHORTEST_LIFE_S))
            self._failure = failure if asked_at >= self._expires_at else None
            return
        self._failure = None
        self._token = issued.token
        self._renew_at = asked_at + issued.expires_in_s * _RENEW_AT
        self._expires_at = asked_at + issued.expires_in_s


class TokenEndpoint:
    """An OAuth 2 issuer asked for a token by our own id and secret (RFC 6749, section 4.4), over TLS only."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: Callable[[], str],
        *,
        scope: str | None = None,
        ca: Path | None = None,
    ) -> None:
        """`client_secret` gives the secret of each question. `ca` names the authorities to trust there.

        :raises OSError: `ca` cannot be read.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"expected an https address, found {url!r}")
        self._url = url
        self._host, self._port = parts.hostname, parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = ssl.create_default_context(cafile=ca)
        self._body = urlencode({"grant_type": "client_credentials", **({"scope": scope} if scope else {})})
        self._client_id = client_id
        self._client_secret = client_secret

    def ask(self) -> Issued:
        """A fresh token. Blocks, for as long as the timeout of each read.

        :raises MechanismFailed: the issuer gives none.
        """
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT_S, context=self._tls)
        try:
            connection.request("POST", self._target, self._body, self._headers())
            response = connection.getresponse()
            data = response.read(_MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise MechanismFailed(f"the issuer at {self._url} cannot be asked: {reason}") from error
        finally:
            connection.close()
        answer = _as_object(data, self._url)
        if response.status != http.client.OK:
            said = answer.get("error_description") or answer.get("error") or ""
            raise MechanismFailed(
                f"the issuer at {self._url} answers {response.status} {response.reason} {said}".strip()
            )
        return _issued(answer, self._url)

    def _headers(self) -> dict[str, str]:
        account = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret())}".encode()
        return {
            "Authorization": f"Basic {b64encode(account).decode('ascii')}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }


def checked(token: str, source: str) -> str:
    """The token, if it can be one.

    :raises MechanismFailed: it is empty, too long, or has characters that would end it early.
    """
    if not token or len(token) > _MAX_BYTES or not all("!" <= character <= "~" for character in token):
        raise MechanismFailed(f"{source} gives no token")
    return token


def _issued(answer: Mapping[str, Any], url: str) -> Issued:
    token, life = answer.get("access_token"), answer.get("expires_in", _SHORTEST_LIFE_S)
    if not isinstance(token, str):
        raise MechanismFailed(f"the issuer at {url} answers without an access_token")
    if isinstance(life, str) and life.isdecimal():
        life = int(life)
    if isinstance(life, bool) or not isinstance(life, int | float):
        raise MechanismFailed(f"the issuer at {url} says that a token expires in {life!r}, expected seconds")
    return Issued(checked(token, f"the issuer at {url}"), max(float(life), _SHORTEST_LIFE_S))


def _as_object(data: bytes, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(data) if len(data) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise MechanismFailed(f"the issuer at {url} answers no JSON object")
    return answer
