"""How the clients connect and prove who they are."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from functools import cache
from typing import Final, TypeVar

from bench.load.connections import Client
from bench.load.jobs import Target
from proxy.authentication.credentials import ScramMechanism
from proxy.upstream.login import Login
from proxy.upstream.scram import ScramClient, ScramSecret

HOST: Final = "localhost"
_C = TypeVar("_C", bound=Client)


class Door:
    """The way in to a target, for any number of connections."""

    def __init__(self, target: Target) -> None:
        self._port = target.port
        self._context = _context(target) if target.ca else None
        self._secret = _secret(target.user, target.password) if target.user and target.password else None

    def login(self) -> Login | None:
        """A login for one connection, if one is needed."""
        if self._secret is None:
            return None
        return Login(ScramClient(self._secret, lambda: secrets.token_urlsafe(18)))

    async def open(self, client: _C) -> _C:
        """Connect and log in.

        :raises OSError: if it cannot.
        """
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: client, HOST, self._port, ssl=self._context)
        await client.ready
        return client


@cache
def _secret(user: str, password: str) -> ScramSecret:
    """The salted password is computed once: it is the clients' cost and not the proxy's."""
    return ScramSecret(ScramMechanism.SHA_256, user, password)


def _context(target: Target) -> ssl.SSLContext:
    """One version of TLS, with a client certificate if there is one. Sessions are not resumed."""
    context = ssl.create_default_context(cafile=target.ca)
    version = ssl.TLSVersion.TLSv1_2 if target.tls_1_2 else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = version
    if target.certificate is not None:
        context.load_cert_chain(target.certificate, target.key)
    return context
