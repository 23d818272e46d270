"""What the SASL mechanisms of one listener need from outside, built from its settings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final

from proxy.authentication.gssapi import Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.passwords import Passwords
from proxy.authentication.tokens import TokenChecker
from proxy.config.ldap_model import LdapConfig
from proxy.config.sasl_model import KerberosConfig, OauthbearerConfig, SaslConfig
from proxy.observability.logs import get_logger
from proxy.providers.https import HttpsDocument
from proxy.providers.key_feed import KeyFeed
from proxy.providers.password_cache import CachedPasswords

_LOOK_AT_FILE_EVERY_S: Final = 10.0
_TRY_AGAIN_AFTER_S: Final = 5.0

_log = get_logger("doorkeeper.identity")


class Providers:
    """Those of one listener; what is not needed is None."""

    def __init__(self, listener: str, sasl: SaslConfig, waiting: Executor, told: Callable[[bool], None]) -> None:
        """`waiting` runs what waits for the issuer of tokens; `told` hears each time whether its keys could be had."""
        self._waiting = waiting
        self._told = told
        self._background: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.passwords = None if sasl.ldap is None else _ldap_passwords(sasl.ldap)
        self.kerberos = None if sasl.kerberos is None else _kerberos(sasl.kerberos)
        self.tokens = None if sasl.oauthbearer is None else self._token_checker(listener, sasl.oauthbearer)

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run as long as the listener does."""
        return [start() for start in self._background]

    def _token_checker(self, listener: str, config: OauthbearerConfig) -> TokenChecker:
        every_s = _LOOK_AT_FILE_EVERY_S
        if config.jwks_endpoint_url is not None:
            fetch = HttpsDocument(config.jwks_endpoint_url, config.jwks_endpoint_ca).fetch
            every_s = config.jwks_endpoint_refresh_ms / 1000
            feed = KeyFeed(fetch, _Telling(listener, self._told))
        else:
            assert config.jwks_file is not None
            feed = KeyFeed(config.jwks_file.read_bytes, _Telling(listener, self._told))
            feed.refresh()
        self._background.append(lambda: self._keep_fresh(feed, every_s))
        return TokenChecker(config.rules, feed, time.time)

    async def _keep_fresh(self, feed: KeyFeed, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            fresh = await loop.run_in_executor(self._waiting, feed.refresh)
            await asyncio.sleep(every_s if fresh else min(every_s, _TRY_AGAIN_AFTER_S))


def _ldap_passwords(config: LdapConfig) -> Passwords:
    from proxy.providers.ldap_passwords import LdapPasswords  # noqa: PLC0415 - only there with the extra "ldap"

    passwords = LdapPasswords(config.servers, config.way)
    return CachedPasswords(passwords, config.cache_s, time.monotonic) if config.cache_s else passwords


def _kerberos(config: KerberosConfig) -> Kerberos:
    from proxy.providers.kerberos import KerberosKeys  # noqa: PLC0415 - only there with the extra "kerberos"

    names = KerberosNames.parse(config.realm, config.principal_to_local_rules)
    return Kerberos(KerberosKeys(config.keytab, config.service_name).accept, names)


class _Telling:
    """Tells whether keys could be had, and logs that they cannot, and that they can again: once each."""

    def __init__(self, listener: str, told: Callable[[bool], None]) -> None:
        self._listener = listener
        self._told = told
        self._last: str | None = None

    def __call__(self, failure: str | None) -> None:
        self._told(failure is None)
        before, self._last = self._last, failure
        if failure is not None and failure != before:
            _log.error(
                "the token issuer's keys cannot be had, those that are known stay in force",
                listener=self._listener,
                detail=failure,
            )
        elif failure is None and before is not None:
            _log.info("the token issuer's keys can be had again", listener=self._listener)
