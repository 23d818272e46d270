"""Kerberos as a server, by the system's GSSAPI library."""

from pathlib import Path
from typing import Final

import gssapi
from gssapi.raw.misc import GSSError

from proxy.authentication.gssapi import KerberosContext, KerberosFailed
from proxy.providers.security_context import SecurityContext, reason

_KERBEROS: Final = gssapi.MechType.kerberos


class KerberosKeys:
    """The keys of a keytab, read anew for each client: a key that was changed is known at once."""

    def __init__(self, keytab: Path, service_name: str) -> None:
        """Any principal `service_name/host` of the keytab will do: clients know us by several names."""
        self._store: dict[bytes | str, bytes | str] = {"keytab": f"FILE:{keytab}"}
        self._service_name = service_name

    def accept(self) -> KerberosContext:
        """Begin a context. Raises KerberosFailed when there are no keys."""
        try:
            credentials = gssapi.Credentials(usage="accept", mechs=[_KERBEROS], store=self._store)
            context = gssapi.SecurityContext(creds=credentials, usage="accept")
        except GSSError as error:
            raise KerberosFailed(f"the keytab cannot be used: {reason(error)}") from error
        return _Accepted(context, KerberosFailed, self._flaw)

    def _flaw(self, context: gssapi.SecurityContext) -> str | None:
        target = str(context.target_name)
        if not target.startswith(f"{self._service_name}/"):
            return f"the ticket is for {target!r}, expected one for {self._service_name}/..."
        return None if context.mech == _KERBEROS else "the client proved itself by something else than Kerberos"


class _Accepted(SecurityContext):
    def step(self, token: bytes | None) -> bytes:
        if not token:
            raise KerberosFailed("the first token is empty")
        return super().step(token)
