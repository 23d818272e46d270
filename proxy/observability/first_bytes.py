"""What the first bytes of a connection look like when they are not what the port expects, and what to do about it.

Every one of these is a well-known mistake whose symptom at the client is a riddle (an impossible message size, memory
running out); the log names it in one line, with the remedy.
"""

from enum import StrEnum


class LooksLike(StrEnum):
    """What a connection turned out to be; the values are metric labels."""

    TLS = "tls"
    KAFKA_PLAINTEXT = "kafka_plaintext"
    HTTP = "http"
    PROXY_PROTOCOL = "proxy_protocol"
    NO_PROXY_HEADER = "no_proxy_header"
    OTHER = "other"


_REMEDIES = {
    LooksLike.TLS: "the client speaks TLS to a port without TLS: set security.protocol of the client to {protocol}, "
    "or connect to a listener with SSL or SASL_SSL",
    LooksLike.KAFKA_PLAINTEXT: "the client speaks Kafka without TLS to a TLS port: "
    "set security.protocol of the client to {protocol}",
    LooksLike.HTTP: "this is HTTP, probably a health probe or a browser: "
    "point it at the admin port (/livez, /readyz, /metrics), or let the probe only open the connection",
    LooksLike.PROXY_PROTOCOL: "a load balancer sends a PROXY protocol header: switch it off for this port, or name "
    "its network in listeners[].proxy_protocol.from",
    LooksLike.NO_PROXY_HEADER: "connections from the networks in listeners[].proxy_protocol.from must begin with a "
    "PROXY protocol header: switch it on in the load balancer, or take the network out",
    LooksLike.OTHER: "this is neither TLS nor Kafka: look at what runs on the host that connects",
}


def remedy(looks_like: LooksLike, security_protocol: str) -> str:
    """What is wrong and how to mend it. `security_protocol` is what the listener expects, such as "SASL_SSL"."""
    return _REMEDIES[looks_like].format(protocol=security_protocol)
