"""The language of `cluster:`, the brokers behind and how they are spoken to."""

from typing import Final

from proxy.config.shapes import SECRET, mapping, path, text

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")

TLS: Final = mapping(
    "TLS towards the brokers.",
    {
        "ca": path("PEM file: the authorities to trust, instead of the system's."),
        "certificate": path("PEM file: our certificate, then its intermediates, for brokers that ask for one."),
        "key": path("PEM file: our private key."),
        "key_password": SECRET,
        "server_name": text("The name that every broker's certificate has to hold, instead of the one connected to."),
        "endpoint_identification": {
            "type": "boolean",
            "default": True,
            "description": "Whether a broker's certificate has to be for its name (as Kafka's clients want it).",
        },
    },
)

KERBEROS: Final = mapping(
    "For GSSAPI: our ticket, and whom it is for.",
    {
        "service_name": text(
            "The first part of the brokers' principals, service_name/HOST (sasl.kerberos.service.name).",
            default="kafka",
        ),
        "keytab": path("Our key; without it the tickets are those of the process (KRB5CCNAME, KRB5_CLIENT_KTNAME)."),
        "principal": text("Who we are, name@REALM, in the keytab."),
    },
)

SASL: Final = mapping(
    "Who we are to the brokers.",
    {
        "mechanism": {"enum": list(MECHANISMS), "description": "How we prove it."},
        "username": text("For PLAIN and SCRAM."),
        "password": SECRET,
        "token_file": path("For OAUTHBEARER: a file with the token, read again for each login."),
        "token_endpoint": text("For OAUTHBEARER: where the issuer gives tokens; https only.", pattern="^https://"),
        "token_endpoint_ca": path("PEM file: the authorities to trust there, instead of the system's."),
        "client_id": text("Our id at the issuer."),
        "client_secret": SECRET,
        "scope": text("The scopes to ask the issuer for, separated by blanks."),
        "kerberos": KERBEROS,
    },
    ("mechanism",),
)

CLUSTER: Final = mapping(
    "The brokers behind.",
    {
        "bootstrap_servers": {
            "type": "array",
            "minItems": 1,
            "items": text("host:port of a broker"),
            "description": "Brokers to ask first, as host:port.",
        },
        "security_protocol": {
            "enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
            "default": "PLAINTEXT",
            "description": "How the brokers are spoken to.",
        },
        "tls": TLS,
        "sasl": SASL,
        "forward_principal": {
            "type": "boolean",
            "default": False,
            "description": "Tell the next doorkeeper, which trusts our certificate, the name of each client.",
        },
        "version": {
            "type": ["string", "number"],
            "default": "auto",
            "description": "auto, or the version (0.8.2, 0.9.0) of brokers too old to tell theirs.",
        },
    },
    ("bootstrap_servers",),
)
