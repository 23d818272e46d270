"""Kerberos as a server, by the system's GSSAPI library."""

from pathlib import Path
from typing import Final

import gssapi
from gssapi.raw.misc import GSSError

from proxy.authentication.gssapi import KerberosContext, KerberosFailed

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
        return _Context(context, self._service_name)


class _Context:
    def __init__(self, context: gssapi.SecurityContext, service_name: str) -> None:
        self._context = context
        self._service_name = service_name

    def step(self, token: bytes) -> bytes:
        if not token:
            raise KerberosFailed("the first token is empty")
        try:
            answer = self._context.step(token)
            if self._context.complete:
                self._check_established()
        except GSSError as error:
            raise KerberosFailed(reason(error)) from error
        return answer or b""

    @property
    def complete(self) -> bool:
        return bool(self._context.complete)

    @property
    def initiator(self) -> str:
        return str(self._context.initiator_name)

    def wrap(self, message: bytes) -> bytes:
        try:
            return bytes(self._context.wrap(message, encrypt=False).message)
        except GSSError as error:
            raise KerberosFailed(reason(error)) from error

    def unwrap(self, message: bytes) -> bytes:
        try:
            return bytes(self._context.unwrap(message).message)
        except GSSError as error:
            raise KerberosFailed(reason(error)) from error

    def _check_established(self) -> None:
        target = str(self._context.target_name)
        if not target.startswith(f"{self._service_name}/"):
            raise KerberosFailed(f"the ticket is for {target!r}, expected one for {self._service_name}/...")
        if self._context.mech != _KERBEROS:
            raise KerberosFailed("the client proved itself by something else than Kerberos")


def reason(error: GSSError) -> str:
    """What the library has to say, on one line."""
    return " ".join(error.gen_message().split())
