"""The SASL mechanisms a listener offers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.gssapi import GSSAPI, GssapiConversation, Kerberos
from proxy.authentication.oauthbearer import OAUTHBEARER, OauthbearerConversation
from proxy.authentication.outcome import Conversation, Identity
from proxy.authentication.passwords import Passwords, VerifierPasswords
from proxy.authentication.plain import PLAIN, PlainConversation
from proxy.authentication.scram import ScramConversation
from proxy.authentication.tokens import TokenChecker
from proxy.authentication.users import Directory, Users

SCRAM_MECHANISMS = tuple(mechanism.value for mechanism in ScramMechanism)
SUPPORTED_MECHANISMS = (PLAIN, *SCRAM_MECHANISMS, OAUTHBEARER, GSSAPI)
"""Every mechanism that can be enabled, by its SASL name."""
NEEDING_USERS = (PLAIN, *SCRAM_MECHANISMS)
"""Those that check against users' verifiers."""

FRAME_MAX_BYTES: Final[Mapping[str, int]] = {
    PLAIN: 4_096,
    **dict.fromkeys(SCRAM_MECHANISMS, 4_096),
    OAUTHBEARER: 131_072,
    GSSAPI: 65_536,
}
"""Longest frame with a token of each mechanism: names and passwords are short; group claims of tokens and of Kerberos
tickets (PACs) of large organisations reach tens of thousands of bytes."""
FIRST_FRAME_MAX_BYTES: Final = FRAME_MAX_BYTES[GSSAPI]
"""Longest frame of a client that has not chosen a mechanism: clients of Kafka 0.9 begin with a token of GSSAPI."""


class Mechanisms:
    """The enabled mechanisms, in the order that SaslHandshake lists them."""

    def __init__(
        self,
        names: Sequence[str],
        users: Users,
        nonce: Callable[[], str],
        *,
        secret: bytes,
        passwords: Passwords | None = None,
        tokens: TokenChecker | None = None,
        kerberos: Kerberos | None = None,
        legacy_scram_nonce: bool = False,
    ) -> None:
        """Enable `names` for `users`.

        `nonce` makes a fresh printable nonce without commas (`random_text(secrets.randbits)`). `secret` hides which
        users exist: 32 random bytes, the same in all processes that answer on one address. `passwords` checks those of
        PLAIN instead of the verifiers of `users`; `tokens` is what OAUTHBEARER needs, `kerberos` what GSSAPI needs.
        `legacy_scram_nonce` lets librdkafka before 2.6.1 use SCRAM.

        Raises ValueError on a mechanism that is not supported, or lacks what it needs.
        """
        unsupported = [name for name in names if name not in SUPPORTED_MECHANISMS]
        if unsupported:
            raise ValueError(
                f"unsupported SASL mechanisms {unsupported}, expected some of {list(SUPPORTED_MECHANISMS)}"
            )
        for name, needed in ((OAUTHBEARER, tokens), (GSSAPI, kerberos)):
            if name in names and needed is None:
                raise ValueError(f"{name} needs something that checks what clients show")
        self.names = tuple(names)
        self._tokens = tokens
        self._kerberos = kerberos
        self._directory = Directory(users, secret)
        self._passwords = passwords or VerifierPasswords(self._directory)
        self._nonce = nonce
        self._legacy_scram_nonce = legacy_scram_nonce

    def knows(self, identity: Identity) -> bool:
        """Whether who proved itself by one of these could do so now, as far as can be told without asking anybody."""
        if identity.mechanism not in self.names:
            return False
        if identity.mechanism == PLAIN:
            return self._passwords.knows(identity.principal.name)
        if identity.mechanism in SCRAM_MECHANISMS:
            return self._directory.credential(identity.principal.name, ScramMechanism(identity.mechanism))[1]
        return True

    def start(self, name: str) -> Conversation:
        """Begin an exchange. Raises KeyError when `name` is not enabled; names compare by case, as in Kafka."""
        if name not in self.names:
            raise KeyError(name)
        if name == PLAIN:
            return PlainConversation(self._passwords)
        if name == OAUTHBEARER:
            assert self._tokens is not None
            return OauthbearerConversation(self._tokens)
        if name == GSSAPI:
            assert self._kerberos is not None
            return GssapiConversation(self._kerberos)
        mechanism = ScramMechanism(name)
        return ScramConversation(mechanism, self._directory, self._nonce, legacy_nonce=self._legacy_scram_nonce)
