"""A listener's `sasl:`: the mechanisms, and what each of them needs."""

from collections.abc import Mapping
from typing import Any, Final

from policies.strict_yaml import Entry, Node
from proxy.authentication.gssapi import GSSAPI
from proxy.authentication.kerberos_names import InvalidKerberosRule, KerberosNames
from proxy.authentication.mechanisms import NEEDING_USERS, SCRAM_MECHANISMS, SUPPORTED_MECHANISMS
from proxy.authentication.oauthbearer import OAUTHBEARER
from proxy.authentication.plain import PLAIN
from proxy.authentication.tokens import DEFAULT_ALGORITHMS, TokenRules
from proxy.config import sasl_schema, schema
from proxy.config.extras import report_missing_package
from proxy.config.ldap import read_ldap
from proxy.config.reader import SettingsReader
from proxy.config.sasl_model import KerberosConfig, OauthbearerConfig, SaslConfig

Entries = Mapping[str, Entry]

_WHY_HTTPS: Final = "whoever can change the keys on their way can be anybody"
_SECTION_OF: Final = {"oauthbearer": OAUTHBEARER, "ldap": PLAIN, "kerberos": GSSAPI}


def read_sasl(reader: SettingsReader, node: Node, setting: str) -> SaslConfig:
    """The settings; `setting` is their own dotted name."""
    entries = reader.mapping(node, schema.keys(sasl_schema.SASL), schema.required(sasl_schema.SASL))
    reader.remember(setting, entries)
    mechanisms = _choices(reader, entries, "mechanisms", SUPPORTED_MECHANISMS)
    _report_contradictions(reader, node, entries, mechanisms)
    return SaslConfig(
        mechanisms=mechanisms,
        needs_users=any(each in NEEDING_USERS and not (each == PLAIN and "ldap" in entries) for each in mechanisms),
        max_reauth_ms=_integer(reader, entries, "max_reauth_ms", sasl_schema.SASL, 0),
        accept_legacy_scram_nonce=_legacy_scram_nonce(reader, entries, mechanisms),
        ldap=read_ldap(reader, entries["ldap"].value) if "ldap" in entries else None,
        kerberos=_kerberos(reader, entries["kerberos"].value) if "kerberos" in entries else None,
        oauthbearer=_oauthbearer(reader, entries["oauthbearer"].value, setting) if "oauthbearer" in entries else None,
    )


def _report_contradictions(reader: SettingsReader, node: Node, entries: Entries, mechanisms: tuple[str, ...]) -> None:
    for section, mechanism in _SECTION_OF.items():
        if section in entries and mechanisms and mechanism not in mechanisms:
            reader.fault(entries[section].key, f"{section} has no effect without the mechanism {mechanism}")
    if OAUTHBEARER in mechanisms and "oauthbearer" not in entries:
        reader.fault(node, f"{OAUTHBEARER} needs the key 'oauthbearer'", "the issuer whose tokens are taken")
    if GSSAPI in mechanisms and "kerberos" not in entries:
        reader.fault(node, f"{GSSAPI} needs the key 'kerberos'", "our keytab and realm")


def _legacy_scram_nonce(reader: SettingsReader, entries: Entries, mechanisms: tuple[str, ...]) -> bool:
    if "accept_legacy_scram_nonce" not in entries:
        return False
    entry = entries["accept_legacy_scram_nonce"]
    if mechanisms and not set(mechanisms) & set(SCRAM_MECHANISMS):
        reader.fault(entry.key, "accept_legacy_scram_nonce has no effect without a SCRAM mechanism")
    return bool(reader.boolean(entry.value))


def _kerberos(reader: SettingsReader, node: Node) -> KerberosConfig | None:
    of = sasl_schema.KERBEROS
    entries = reader.mapping(node, schema.keys(of), schema.required(of))
    report_missing_package(reader, node, "gssapi", extra="kerberos")
    keytab = reader.path(entries["keytab"].value) if "keytab" in entries else None
    realm = reader.text(entries["realm"].value) if "realm" in entries else None
    rules = _kerberos_rules(reader, entries)
    if keytab is None or realm is None:
        return None
    return KerberosConfig(keytab, realm, _text(reader, entries, "service_name", "kafka"), rules)


def _kerberos_rules(reader: SettingsReader, entries: Entries) -> tuple[str, ...]:
    rules = []
    name = "principal_to_local_rules"
    for item in reader.items(entries[name].value) if name in entries else ():
        rule = reader.text(item)
        if rule is None:
            continue
        try:
            KerberosNames.parse("", [rule])
        except InvalidKerberosRule as error:
            reader.fault(item, str(error))
        rules.append(rule)
    return tuple(rules) or ("DEFAULT",)


def _oauthbearer(reader: SettingsReader, node: Node, setting: str) -> OauthbearerConfig | None:
    of = sasl_schema.OAUTHBEARER
    entries = reader.mapping(node, schema.keys(of), schema.required(of))
    reader.remember(f"{setting}.oauthbearer", entries)
    has_url = "jwks_endpoint_url" in entries
    url = reader.https_address(entries["jwks_endpoint_url"].value, _WHY_HTTPS) if has_url else None
    if has_url == ("jwks_file" in entries):
        reader.fault(node, "expected one of jwks_endpoint_url and jwks_file", "where the issuer's keys are")
    for name in ("jwks_endpoint_ca", "jwks_endpoint_refresh_ms"):
        if name in entries and not has_url:
            reader.fault(entries[name].key, f"{name} has no effect without jwks_endpoint_url")
    issuer = reader.text(entries["expected_issuer"].value) if "expected_issuer" in entries else None
    if issuer is None:
        return None
    rules = TokenRules(
        expected_issuer=issuer,
        expected_audience=_texts(reader, entries, "expected_audience"),
        clock_skew_seconds=_integer(reader, entries, "clock_skew_seconds", of, 30),
        sub_claim_name=_text(reader, entries, "sub_claim_name", "sub"),
        scope_claim_name=_text(reader, entries, "scope_claim_name", "scope"),
        required_scope=_texts(reader, entries, "required_scope"),
        algorithms=_choices(reader, entries, "algorithms", DEFAULT_ALGORITHMS) or DEFAULT_ALGORITHMS,
    )
    return OauthbearerConfig(
        rules=rules,
        jwks_endpoint_url=url,
        jwks_endpoint_ca=reader.path(entries["jwks_endpoint_ca"].value) if "jwks_endpoint_ca" in entries else None,
        jwks_endpoint_refresh_ms=_integer(reader, entries, "jwks_endpoint_refresh_ms", of, 3_600_000),
        jwks_file=reader.path(entries["jwks_file"].value) if "jwks_file" in entries else None,
    )


def _choices(reader: SettingsReader, entries: Entries, name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Some of the choices, each once."""
    found: list[str] = []
    for item in reader.items(entries[name].value) if name in entries else ():
        chosen = reader.choice(item, choices)
        if chosen in found:
            # A mechanism is "the mechanism 'PLAIN'", not "an item of mechanisms".
            reader.fault(item, f"the {name.removesuffix('s')} {chosen!r} is given twice")
        elif chosen is not None:
            found.append(chosen)
    return tuple(found)


def _texts(reader: SettingsReader, entries: Entries, name: str) -> tuple[str, ...]:
    items = reader.items(entries[name].value) if name in entries else ()
    return tuple(text for item in items if (text := reader.text(item)) is not None)


def _text(reader: SettingsReader, entries: Entries, name: str, default: str) -> str:
    return (reader.text(entries[name].value) if name in entries else None) or default


def _integer(reader: SettingsReader, entries: Entries, name: str, of: dict[str, Any], default: int) -> int:
    if name not in entries:
        return default
    bounds = of["properties"][name]
    found = reader.integer(entries[name].value, bounds["minimum"], bounds["maximum"])
    return default if found is None else found
