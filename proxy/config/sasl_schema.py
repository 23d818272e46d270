"""The language of a listener's `sasl:`, in Kafka's own words where Kafka has one."""

from typing import Final

from proxy.authentication.mechanisms import SUPPORTED_MECHANISMS
from proxy.authentication.tokens import DEFAULT_ALGORITHMS
from proxy.config.shapes import SECRET, limit, mapping, path, text, texts

OAUTHBEARER: Final = mapping(
    "The issuer whose tokens are taken (Kafka's sasl.oauthbearer.* properties).",
    {
        "jwks_endpoint_url": text("Where the issuer publishes its keys; https only.", pattern="^https://"),
        "jwks_endpoint_ca": path("PEM file: the authorities to trust there, instead of the system's."),
        "jwks_endpoint_refresh_ms": limit("How often the keys are fetched, in milliseconds.", 3_600_000, minimum=1_000),
        "jwks_file": path("A file with the issuer's keys, instead of an address."),
        "expected_issuer": text("The claim iss, exactly."),
        "expected_audience": texts("The claim aud has to name one of these; without it every audience will do."),
        "clock_skew_seconds": limit("How far clocks may differ, in seconds.", 30, minimum=0, maximum=600),
        "sub_claim_name": text("The claim that holds the principal's name.", default="sub"),
        "scope_claim_name": text("The claim that holds the scopes.", default="scope"),
        "required_scope": texts("Scopes that a token must have, all of them."),
        "algorithms": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": list(DEFAULT_ALGORITHMS)},
            "default": list(DEFAULT_ALGORITHMS),
            "description": "The signature algorithms that are taken.",
        },
    },
    ("expected_issuer",),
)

LDAP: Final = mapping(
    "The directory that PLAIN passwords are checked by, instead of the file of users.",
    {
        "urls": texts("Its servers, tried in this order: ldaps://host or ldap://host.", pattern="^ldaps?://"),
        "start_tls": {"type": "boolean", "default": False, "description": "Begin TLS on an ldap:// connection."},
        "ca": path("PEM file: the authorities to trust there, instead of the system's."),
        "user_dn_template": text("The name to bind with, with {username} in it.", pattern=r"\{username\}"),
        "bind_dn": text("The account that looks for users, instead of a template."),
        "bind_password": SECRET,
        "search_base": text("Where users are looked for."),
        "search_filter": text("How, with {username} in it.", pattern=r"^\(.*\{username\}"),
        "name_attribute": text("The attribute that is the principal's name.", default="uid"),
        "connections": limit("Connections of each worker to the directory.", 4, maximum=64),
        "timeout_s": limit("For connecting, and for each answer, in seconds.", 5, maximum=60),
        "cache_s": limit("How long a right password is not asked again, in seconds.", 30, minimum=0, maximum=3600),
    },
    ("urls",),
)

KERBEROS: Final = mapping(
    "What GSSAPI needs.",
    {
        "keytab": path("The keys of our principals, SERVICE_NAME/HOST@REALM for each host that clients are told."),
        "realm": text("Our own realm, whose principals the rule DEFAULT is about."),
        "service_name": text("The first part of our principals (sasl.kerberos.service.name).", default="kafka"),
        "principal_to_local_rules": {
            **texts("From a Kerberos principal to a name (sasl.kerberos.principal.to.local.rules)."),
            "default": ["DEFAULT"],
        },
    },
    ("keytab", "realm"),
)

SASL: Final = mapping(
    "SASL authentication.",
    {
        "mechanisms": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": list(SUPPORTED_MECHANISMS)},
            "description": "The mechanisms offered, in this order.",
        },
        "max_reauth_ms": limit(
            "How long until a client has to authenticate again (connections.max.reauth.ms); 0: never.", 0, minimum=0
        ),
        "accept_legacy_scram_nonce": {
            "type": "boolean",
            "default": False,
            "description": "Let in the wrong nonce that librdkafka before 2.6.1 sends with SCRAM.",
        },
        "oauthbearer": OAUTHBEARER,
        "ldap": LDAP,
        "kerberos": KERBEROS,
    },
    ("mechanisms",),
)
