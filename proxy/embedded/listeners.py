"""Listeners of the embedded brokers beside the plain one, and the settings of a Kafka that is secured itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from proxy.embedded.java import version_tuple


@dataclass(frozen=True, slots=True)
class Listener:
    """A further listener of every broker, on a free port of its own.

    `properties` are the listener's own settings without their prefix `listener.name.NAME.`; known from Kafka 1.1 on.
    """

    name: str
    security_protocol: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The broker's settings with their full names."""
        return {f"listener.name.{self.name.lower()}.{key}": value for key, value in self.properties.items()}


def plain_listener(
    users: Mapping[str, str], name: str = "CLIENTS", security_protocol: str = "SASL_PLAINTEXT"
) -> Listener:
    """Make a listener that asks for SASL PLAIN and knows these users (name to password)."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    accounts = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    properties = {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": f"{module} required {accounts};"}
    return Listener(name, security_protocol, properties)


def authorizer_settings(
    version: str, super_users: Iterable[str] = (), *, allow_if_no_acl: bool = False
) -> dict[str, str]:
    """Give the settings that switch on Kafka's own authorizer.

    Who comes over the plain listener is `User:ANONYMOUS`, and so are the brokers among each other: a super user always.
    """
    number = version_tuple(version)
    if number >= (4, 0):
        authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    elif number >= (2, 4):
        authorizer = "kafka.security.authorizer.AclAuthorizer"
    else:
        authorizer = "kafka.security.auth.SimpleAclAuthorizer"
    return {
        "authorizer.class.name": authorizer,
        "super.users": ";".join(("User:ANONYMOUS", *super_users)),
        "allow.everyone.if.no.acl.found": str(allow_if_no_acl).lower(),
    }
