"""From the settings of our own login to the mechanism that does it."""

import secrets
import time
from collections.abc import Callable

from proxy.authentication.credentials import ScramMechanism, random_text
from proxy.config.cluster_model import ClusterLogin, KerberosLogin, PasswordLogin, TokenFileLogin
from proxy.upstream.gssapi import GssapiClient
from proxy.upstream.mechanisms import PLAIN, BearerClient, ClientMechanism, PlainClient
from proxy.upstream.scram import ScramClient, ScramSecret
from proxy.upstream.tokens import IssuedToken, TokenEndpoint, TokenFile, TokenSource

MakeMechanism = Callable[[str], ClientMechanism]
"""A mechanism for one login to the broker that was dialled at this host.

May wait for a disk or another machine, and raise MechanismFailed.
"""


def mechanisms_for(login: ClusterLogin) -> MakeMechanism:
    """What gives each login its mechanism.

    :raises OSError: a file of authorities cannot be read.
    """
    if isinstance(login, PasswordLogin):
        return _password(login)
    if isinstance(login, KerberosLogin):
        return _kerberos(login)
    source: TokenSource
    if isinstance(login, TokenFileLogin):
        source = TokenFile(login.token_file)
    else:
        endpoint = TokenEndpoint(
            login.token_endpoint,
            login.client_id,
            login.client_secret.reveal,
            scope=login.scope,
            ca=login.token_endpoint_ca,
        )
        source = IssuedToken(endpoint.ask, time.monotonic)
    return lambda _host: BearerClient(source.token())


def _password(login: PasswordLogin) -> MakeMechanism:
    if login.mechanism == PLAIN:
        return lambda _host: PlainClient(login.username, login.password.reveal())
    return _Scram(login)


class _Scram:
    """Makes SCRAM clients. What was computed of a password is kept until the password is another."""

    def __init__(self, login: PasswordLogin) -> None:
        self._login = login
        self._kept: tuple[str, ScramSecret] | None = None

    def __call__(self, _host: str) -> ScramClient:
        password, kept = self._login.password.reveal(), self._kept
        if kept is None or kept[0] != password:
            mechanism = ScramMechanism(self._login.mechanism)
            self._kept = kept = password, ScramSecret(mechanism, self._login.username, password)
        return ScramClient(kept[1], lambda: random_text(secrets.randbits))


def _kerberos(login: KerberosLogin) -> MakeMechanism:
    from proxy.upstream.kerberos import KerberosTickets  # noqa: PLC0415 - only there with the extra "kerberos"

    tickets = KerberosTickets(login)
    return lambda host: GssapiClient(tickets.initiate(host))
