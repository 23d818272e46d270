"""The language of `doorkeeper.yaml` as JSON Schema (draft 2020-12).

Editors complete and check with it; the loader takes its keys and bounds from it, so the two cannot drift apart.
"""

import copy
from typing import Final

from protocol.framing import MOST_BYTES
from proxy.config.cluster_schema import CLUSTER
from proxy.config.sasl_schema import SASL
from proxy.config.shapes import PATH as _PATH
from proxy.config.shapes import SECRET as _SECRET
from proxy.config.shapes import Schema
from proxy.config.shapes import limit as _limit
from proxy.config.shapes import mapping as _object
from proxy.config.shapes import text as _text
from proxy.config.shapes import texts as _texts

_PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
_PROTOCOLS: Final = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
_NODE_ID_ITEM: Final[Schema] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\s*\d+(\s*-\s*\d+)?\s*$"}]
}

BROKERS: Final = _object(
    "How clients reach each broker: a port each (first_port, node_ids), or a host name each (host).",
    {
        "first_port": {**_PORT, "description": "The port of the broker with the first node id."},
        "node_ids": {
            "description": 'Node ids that brokers have or may get: "1-50", "1-3,7", 5, a list of those, or auto.',
            "anyOf": [
                {"const": "auto"},
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*\d+(\s*-\s*\d+)?(\s*,\s*\d+(\s*-\s*\d+)?)*\s*$"},
                {"type": "array", "minItems": 1, "items": _NODE_ID_ITEM},
            ],
        },
        "host": _text("A host name with {node_id} in it; brokers are told apart by SNI.", pattern=r"\{node_id\}"),
    },
)

TLS: Final = _object(
    "Certificate and key, and what is asked of clients.",
    {
        "certificate": {**_PATH, "description": "PEM file: the certificate, then its intermediates."},
        "key": {**_PATH, "description": "PEM file: the private key."},
        "key_password": _SECRET,
        "keystore": {**_PATH, "description": "PKCS #12 or JKS store with one key, instead of certificate and key."},
        "keystore_password": _SECRET,
        "client_ca": {**_PATH, "description": "PEM file: the authorities that sign clients' certificates."},
        "truststore": {**_PATH, "description": "PKCS #12 or JKS store of these authorities, instead of client_ca."},
        "truststore_password": _SECRET,
        "client_crl": {**_PATH, "description": "PEM file: a revocation list of each of these authorities."},
        "client_auth": {
            "enum": ["none", "requested", "required"],
            "default": "none",
            "description": "Whether clients need a certificate (Kafka's ssl.client.auth).",
        },
    },
)

PROXY_PROTOCOL: Final = _object(
    "Load balancers that tell whose connections they pass on, by a PROXY protocol header (version 1 or 2).",
    {
        "from": {
            "type": "array",
            "minItems": 1,
            "items": _text("An address or a network, such as 10.0.0.0/8."),
            "description": "Connections from there must begin with a header; nobody else's header is believed.",
        }
    },
    ("from",),
)

NETWORK_PRINCIPAL: Final = _object(
    "Who clients of one network are.",
    {
        "network": _text("A network or an address, such as 10.1.2.0/24 or 10.1.2.3."),
        "principal": _text("Who its clients are.", pattern="^[^:]+:.+$"),
    },
    ("network", "principal"),
)

LISTENER: Final = _object(
    "One way in.",
    {
        "name": _text("A name for logs and metrics.", pattern="^[A-Za-z0-9._-]+$"),
        "bind": _text("The address of the bootstrap port, as host:port."),
        "advertise": _text("The host name that clients are told."),
        "brokers": BROKERS,
        "security_protocol": {"enum": _PROTOCOLS, "description": "What clients of this listener have to speak."},
        "tls": TLS,
        "principal_source": {
            "enum": ["subject", "san_dns", "san_uri", "spiffe"],
            "default": "subject",
            "description": "The part of a client's certificate that says who the client is.",
        },
        "principal_mapping_rules": {
            "type": "array",
            "minItems": 1,
            "items": _text("RULE:pattern/replacement/[LU] or DEFAULT"),
            "default": ["DEFAULT"],
            "description": "From a certificate's name to a principal's (Kafka's ssl.principal.mapping.rules).",
        },
        "sasl": SASL,
        "proxy_protocol": PROXY_PROTOCOL,
        "principal": _text("Who a client of a PLAINTEXT listener is.", default="User:ANONYMOUS", pattern="^[^:]+:.+$"),
        "principal_by_network": {
            "type": "array",
            "minItems": 1,
            "items": NETWORK_PRINCIPAL,
            "description": "Who clients without any proof are, by where they come from; the narrowest network decides.",
        },
        "trusted_forwarders": {
            **_texts("Principals of certificates: doorkeepers that may say whose connections they pass on."),
            "uniqueItems": True,
        },
        "allow_unauthenticated": {
            "type": "boolean",
            "default": False,
            "description": "Let whoever reaches this listener use our own login to the brokers.",
        },
    },
    ("name", "bind", "advertise", "brokers", "security_protocol"),
)

POLICY: Final = _object(
    "The policy and what to do with its decisions.",
    {
        "file": {**_PATH, "description": "The policy file."},
        "mode": {
            "enum": ["enforce", "observe", "off"],
            "default": "enforce",
            "description": "enforce; observe: judge and tell, but let through; off: let everything through.",
        },
    },
)

ADMIN: Final = _object(
    "Health, metrics and a status page.", {"bind": _text("Where they are served, as host:port.")}, ("bind",)
)

AUDIT: Final = _object(
    "The audit trail: JSON lines.",
    {
        "file": {**_PATH, "default": "-", "description": "A file, or - for standard output."},
        "grants": {"type": "boolean", "default": False, "description": "Tell grants too; denials are always told."},
    },
)

LIMITS: Final = _object(
    "Bounds of what a client may take.",
    {
        "socket_request_max_bytes": _limit("Largest request, in bytes.", 104_857_600, maximum=MOST_BYTES),
        "unauthenticated_request_max_bytes": _limit(
            "Largest request before authentication, in bytes; SASL has smaller bounds by mechanism.",
            524_288,
            maximum=MOST_BYTES,
        ),
        "max_in_flight": _limit("Requests of one connection that may wait for their answers.", 128, maximum=65_536),
        "handshake_timeout_s": _limit("For the TLS handshake, in seconds.", 10, maximum=3600),
        "authentication_timeout_s": _limit("For SASL authentication, in seconds.", 30, maximum=3600),
        "connect_timeout_s": _limit("For connecting to a broker, in seconds.", 10, maximum=3600),
        "connections_max_idle_s": _limit("Idle connections are closed after so many seconds.", 600),
        "failed_authentication_delay_ms": _limit(
            "Wait before a failed authentication is answered, in milliseconds.", 100, minimum=0, maximum=60_000
        ),
        "revoked_session_grace_s": _limit(
            "How long sessions of a removed user live on, in seconds.", 0, minimum=0, maximum=86_400
        ),
        "drain_timeout_s": _limit("For requests in flight when stopping, in seconds.", 30, minimum=0, maximum=86_400),
        "max_connections": _limit("Client connections at one time, of each worker.", 10_000),
        "max_handshakes": _limit("TLS handshakes and logins that are not finished, of each worker.", 1_000),
        "max_handshakes_per_address": _limit("How many of them may come from one address.", 500),
        "failed_logins_per_address": _limit(
            "Failed logins after which an address has to pause, of each worker; 0: never.", 100, minimum=0
        ),
        "failed_logins_window_s": _limit("Within how many seconds.", 10, maximum=86_400),
        "failed_logins_pause_s": _limit(
            "How long connections from there are closed at once, in seconds.", 2, maximum=3600
        ),
    },
)

CONFIG: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "doorkeeper.yaml",
    **_object(
        "Configuration of kafka-doorkeeper.",
        {
            "cluster": CLUSTER,
            "listeners": {"type": "array", "minItems": 1, "items": LISTENER, "description": "The ways in."},
            "users": {**_PATH, "description": "The file of SASL users."},
            "policy": POLICY,
            "admin": ADMIN,
            "audit": AUDIT,
            "workers": {
                "type": "integer",
                "minimum": 1,
                "maximum": 256,
                "default": 1,
                "description": "Processes; one a core at most.",
            },
            "limits": LIMITS,
        },
        ("cluster", "listeners", "policy"),
    ),
}


def json_schema() -> Schema:
    """The schema of `doorkeeper.yaml`, for editors."""
    return copy.deepcopy(CONFIG)


def keys(schema: Schema) -> tuple[str, ...]:
    """The keys that a mapping may have."""
    return tuple(schema["properties"])


def required(schema: Schema) -> tuple[str, ...]:
    """The keys that a mapping must have."""
    return tuple(schema["required"])
