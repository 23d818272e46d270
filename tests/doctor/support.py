"""Surveys and configurations made of a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kio.static.protocol import Entity

from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from proxy.addressing.topology import BrokerAddress, VersionFacts
from proxy.config import Config, parse_config
from proxy.doctor.finding import Finding
from proxy.doctor.survey import Node, Server, Survey

HOST = "10.0.0.11"


def config(
    text: str = "",
    *,
    bind: str = "127.0.0.1:9093",
    advertise: str = "kafka.example.com",
    brokers: str = "{first_port: 9101, node_ids: 1-2}",
    listener: str = "    security_protocol: PLAINTEXT\n",
    cluster: str = "",
) -> Config:
    """A configuration with one listener, for brokers 1 and 2; ``text`` is more of the file.

    ``listener`` is the rest of the listener, and perhaps more of them; ``cluster`` is more of the cluster.
    """
    return parse_config(
        f"cluster: {{bootstrap_servers: ['{HOST}:9092']{cluster}}}\n"
        "listeners:\n"
        "  - name: clients\n"
        f"    bind: '{bind}'\n"
        f"    advertise: {advertise}\n"
        f"    brokers: {brokers}\n"
        f"{listener}policy: {{file: policy.yaml}}\n{text}",
        Path("/etc/doorkeeper/doorkeeper.yaml"),
        {},
    )


def versions(fetch: int = 7) -> VersionFacts:
    """What a broker says that has this highest version of Fetch; 1.1 if none is told."""
    told = response_type(ApiKey.API_VERSIONS, 0)
    entry = item_type(told, "api_keys")
    answer: Entity = build(told, api_keys=(build(entry, api_key=ApiKey.FETCH, min_version=0, max_version=fetch),))
    return VersionFacts(answer)


def node(node_id: int = 1, host: str = HOST, port: int = 9092, **values: Any) -> Node:
    """A broker that answers, and has Kafka's default settings unless told otherwise."""
    if "trouble" not in values:
        values = {"versions": versions(), "settings": {}} | values
    return Node(node_id, (host, port), **values)


def cluster(*nodes: Node, **values: Any) -> Survey:
    """A cluster that was found by its first bootstrap server."""
    brokers = {each.node_id: BrokerAddress(*each.address) for each in nodes}
    return Survey(**{"servers": (Server((HOST, 9092), brokers=brokers),), "nodes": nodes} | values)


def checks(findings: list[Finding]) -> list[str]:
    """The kinds of what was found."""
    return [finding.check for finding in findings]
