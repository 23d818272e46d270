"""Kerberos as a client, by the system's GSSAPI library."""

import secrets
from typing import Final

import gssapi
from gssapi.raw.misc import GSSError

from proxy.config.cluster_model import KerberosLogin
from proxy.providers.security_context import SecurityContext, reason
from proxy.upstream.mechanisms import MechanismFailed

_KERBEROS: Final = gssapi.MechType.kerberos
_FLAGS: Final = (gssapi.RequirementFlag.mutual_authentication, gssapi.RequirementFlag.integrity)


class KerberosTickets:
    """Tickets for brokers: those of our keytab, else those that the process has (``KRB5CCNAME``).

    The library fetches them when they are needed, renews them in time, and keeps them for the logins to come.
    """

    def __init__(self, login: KerberosLogin) -> None:
        self._login = login
        self._cache = f"MEMORY:kafka-doorkeeper-{secrets.token_hex(8)}"

    def initiate(self, host: str) -> SecurityContext:
        """Begin a context with the broker that was dialled at ``host``.

        :raises MechanismFailed: we have no ticket and cannot get one.
        """
        try:
            target = gssapi.Name(f"{self._login.service_name}@{host}", gssapi.NameType.hostbased_service)
            context = gssapi.SecurityContext(
                name=target, creds=self._credentials(), mech=_KERBEROS, flags=sum(_FLAGS), usage="initiate"
            )
        except GSSError as error:
            raise MechanismFailed(reason(error)) from error
        return SecurityContext(context, MechanismFailed, _flaw)

    def _credentials(self) -> gssapi.Credentials:
        login = self._login
        if login.keytab is None:
            return gssapi.Credentials(usage="initiate", mechs=[_KERBEROS])
        assert login.principal is not None
        name = gssapi.Name(login.principal, gssapi.NameType.kerberos_principal)
        store: dict[bytes | str, bytes | str] = {"client_keytab": f"FILE:{login.keytab}", "ccache": self._cache}
        return gssapi.Credentials(name=name, usage="initiate", mechs=[_KERBEROS], store=store)


def _flaw(context: gssapi.SecurityContext) -> str | None:
    return None if all(flag in context.actual_flags for flag in _FLAGS) else "the broker did not prove who it is"
