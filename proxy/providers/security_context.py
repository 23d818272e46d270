"""A security context of the system's GSSAPI library, of either side."""

from collections.abc import Callable

import gssapi
from gssapi.raw.misc import GSSError


class SecurityContext:
    """Takes and makes the tokens of one context; used by one thread at a time.

    What the library finds wrong is raised as ``failed``, and so is what ``flaw`` says of a context once it is
    established (None: nothing).
    """

    def __init__(
        self,
        context: gssapi.SecurityContext,
        failed: type[Exception],
        flaw: Callable[[gssapi.SecurityContext], str | None],
    ) -> None:
        self._context = context
        self._failed = failed
        self._flaw = flaw

    def step(self, token: bytes | None) -> bytes:
        """Take the other side's token (None: nothing has come yet) and return ours, empty if there is none to send."""
        try:
            answer = self._context.step(token)
            flaw = self._flaw(self._context) if self._context.complete else None
        except GSSError as error:
            raise self._failed(reason(error)) from error
        if flaw is not None:
            raise self._failed(flaw)
        return answer or b""

    @property
    def complete(self) -> bool:
        """Whether the context is established."""
        return bool(self._context.complete)

    @property
    def initiator(self) -> str:
        """Who began it: `name@REALM` or `name/host@REALM`."""
        return str(self._context.initiator_name)

    def wrap(self, message: bytes) -> bytes:
        """Protect a message against change."""
        try:
            return bytes(self._context.wrap(message, encrypt=False).message)
        except GSSError as error:
            raise self._failed(reason(error)) from error

    def unwrap(self, message: bytes) -> bytes:
        """Return the message that the other side protected."""
        try:
            return bytes(self._context.unwrap(message).message)
        except GSSError as error:
            raise self._failed(reason(error)) from error


def reason(error: GSSError) -> str:
    """What the library has to say, on one line."""
    return " ".join(error.gen_message().split())
