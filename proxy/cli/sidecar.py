"""`doorkeeper sidecar`: a configuration made of options, for a client that speaks neither TLS nor SASL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from policies.strict_yaml import InvalidDocument
from proxy.config import Config, parse_config
from proxy.config.cluster_schema import MECHANISMS
from proxy.config.values import Unacceptable, parse_address

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_PLACE: Final = "(command line)"

sidecar_options: Final = (
    click.option("--bootstrap", required=True, metavar="HOST:PORT,...", help="Brokers to ask first."),
    click.option("--sasl", "mechanism", type=click.Choice(MECHANISMS), help="How to log in; without it, not at all."),
    click.option("--username", help="For PLAIN and SCRAM."),
    click.option("--password-file", type=_FILE, help="A file with the password and nothing else."),
    click.option("--token-file", type=_FILE, help="For OAUTHBEARER: a file with the token, read again for each login."),
    click.option("--token-endpoint", metavar="URL", help="For OAUTHBEARER: where the issuer gives tokens."),
    click.option("--client-id", help="Our id at the issuer."),
    click.option("--client-secret-file", type=_FILE, help="A file with our secret at the issuer."),
    click.option("--scope", help="The scopes to ask the issuer for."),
    click.option("--keytab", type=_FILE, help="For GSSAPI: our key; without it the tickets of the process."),
    click.option("--principal", metavar="NAME@REALM", help="Who we are in the keytab."),
    click.option("--service-name", help="For GSSAPI: the brokers' principals begin with it; kafka by default."),
    click.option("--no-tls", is_flag=True, help="Speak to the brokers in clear text."),
    click.option("--ca", type=_FILE, help="PEM file: the authorities to trust, instead of the system's."),
    click.option("--certificate", type=_FILE, help="PEM file: our certificate, for brokers that ask for one."),
    click.option("--key", type=_FILE, help="PEM file: its private key."),
    click.option("--server-name", help="The name that the brokers' certificates hold, if not the one connected to."),
    click.option("--bind", default="127.0.0.1:9092", show_default=True, help="Where clients connect."),
    click.option("--advertise", metavar="HOST", help="The host that clients are told; that of --bind by default."),
    click.option("--first-port", type=click.IntRange(1, 65_535), help="The first broker's; by default behind --bind."),
    click.option("--allow-unauthenticated", is_flag=True, help="Let other machines use this login, if --bind does."),
    click.option("--admin", metavar="HOST:PORT", help="Where health and metrics are served; by default nowhere."),
)
"""The options of the command, in the order in which its help shows them."""


def sidecar_config(**options: Any) -> Config:
    """The configuration that the options say; the keywords are theirs.

    :raises InvalidDocument: with everything that is wrong with them.
    """
    text = json.dumps(_document(options), indent=1)
    try:
        return parse_config(text, Path.cwd() / _PLACE, {})
    except InvalidDocument as invalid:
        # The lines of a text that nobody wrote would mislead, and so would the names of its keys.
        told = "; ".join(_told(fault.message, fault.hint) for fault in invalid.faults)
        raise click.UsageError(told.replace("allow_unauthenticated: true", "--allow-unauthenticated")) from invalid


def _told(message: str, hint: str | None) -> str:
    return message if hint is None else f"{message} ({hint})"


def _document(options: dict[str, Any]) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "bootstrap_servers": options["bootstrap"].split(","),
        "security_protocol": ("SASL_" if options["mechanism"] else "") + ("PLAINTEXT" if options["no_tls"] else "SSL"),
    }
    tls = _given(options, "ca", "certificate", "key", "server_name")
    if tls or not options["no_tls"]:
        cluster["tls"] = tls
    sasl = _sasl(options)
    if sasl:
        cluster["sasl"] = sasl
    document = {"cluster": cluster, "listeners": [_listener(options)], "policy": {"mode": "off"}}
    if options["admin"] is not None:
        document["admin"] = {"bind": options["admin"]}
    quoted: dict[str, Any] = _quoted(document)
    return quoted


def _sasl(options: dict[str, Any]) -> dict[str, Any]:
    sasl = _given(options, "mechanism", "username", "token_file", "token_endpoint", "client_id", "scope")
    for name in ("password", "client_secret"):
        if options[f"{name}_file"] is not None:
            sasl[name] = {"file": str(options[f"{name}_file"])}
    kerberos = _given(options, "keytab", "principal", "service_name")
    if kerberos:
        sasl["kerberos"] = kerberos
    return sasl


def _listener(options: dict[str, Any]) -> dict[str, Any]:
    try:
        host, port = parse_address(options["bind"])
    except Unacceptable as error:
        raise click.BadParameter(_told(str(error), error.hint), param_hint="--bind") from error
    listener: dict[str, Any] = {
        "name": "sidecar",
        "bind": options["bind"],
        "advertise": options["advertise"] or host,
        "brokers": {"first_port": options["first_port"] or port + 1, "node_ids": "auto"},
        "security_protocol": "PLAINTEXT",
    }
    if options["allow_unauthenticated"]:
        listener["allow_unauthenticated"] = True
    return listener


def _given(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: str(options[name]) for name in names if options[name] is not None}


def _quoted(value: Any) -> Any:
    """The same, so that no text is taken for a reference to the environment."""
    if isinstance(value, dict):
        return {name: _quoted(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_quoted(each) for each in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
