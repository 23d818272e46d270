"""The SASL mechanisms a listener offers."""

from collections.abc import Callable, Sequence

from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.outcome import Conversation, Identity
from proxy.authentication.plain import PLAIN, PlainConversation
from proxy.authentication.scram import ScramConversation
from proxy.authentication.users import Directory, Users

SUPPORTED_MECHANISMS = (PLAIN, *(mechanism.value for mechanism in ScramMechanism))
"""Every mechanism that can be enabled, by its SASL name."""


class Mechanisms:
    """The enabled mechanisms, in the order that SaslHandshake lists them."""

    def __init__(self, names: Sequence[str], users: Users, nonce: Callable[[], str], *, secret: bytes) -> None:
        """Enable `names` for `users`.

        `nonce` makes a fresh printable nonce without commas (`random_text(secrets.randbits)`). `secret` hides which
        users exist: 32 random bytes, the same in all processes that answer on one address.

        Raises ValueError on a mechanism that is not supported.
        """
        unsupported = [name for name in names if name not in SUPPORTED_MECHANISMS]
        if unsupported:
            raise ValueError(
                f"unsupported SASL mechanisms {unsupported}, expected some of {list(SUPPORTED_MECHANISMS)}"
            )
        self.names = tuple(names)
        self._directory = Directory(users, secret)
        self._nonce = nonce

    def knows(self, identity: Identity) -> bool:
        """Whether who proved itself by one of these could do so now."""
        if identity.mechanism not in self.names:
            return False
        if identity.mechanism == PLAIN:
            return self._directory.any_credential(identity.principal.name)[1]
        return self._directory.credential(identity.principal.name, ScramMechanism(identity.mechanism))[1]

    def start(self, name: str) -> Conversation:
        """Begin an exchange. Raises KeyError when `name` is not enabled; names compare by case, as in Kafka."""
        if name not in self.names:
            raise KeyError(name)
        if name == PLAIN:
            return PlainConversation(self._directory)
        return ScramConversation(ScramMechanism(name), self._directory, self._nonce)
