"""Settings of topics, brokers, groups and the rest."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SETTINGS: dict[int, list[tuple[str, list[str | None]]]] = {
    TOPIC: [("retention.ms", ["86400000", "-1"]), ("segment.bytes", ["2000000"]), ("max.message.bytes", ["nonsense"])],
    BROKER: [("log.cleaner.threads", ["1"]), ("log.retention.ms", ["86400000"]), ("log.cleaner.threads", ["x"])],
    BROKER_LOGGER: [("kafka.server.Nobody", ["INFO", "LOUD"])],
    CLIENT_METRICS: [("interval.ms", ["60000", "1"])],
    GROUP: [("consumer.heartbeat.interval.ms", ["5000", "6000"]), ("no.such", ["1"])],
}


def _resource(draw: Draw, *, odd: bool = True) -> tuple[int, str]:
    kind = draw.choice([TOPIC] * 6 + [BROKER] * 2 + [GROUP] * 3 + [BROKER_LOGGER, CLIENT_METRICS])
    if odd and draw.random() < 0.03:
        return 77, "x"
    if kind in (BROKER, BROKER_LOGGER):
        return kind, draw.choice(["1", "1", "", "9", "x"])
    if kind == GROUP:
        return kind, draw.group()
    return kind, draw.choice(["metrics-a", ""]) if kind == CLIENT_METRICS else draw.topic()


NEWEST = 2


@script(ApiKey.DESCRIBE_CONFIGS)
def describe_configs(draw: Draw, version: int) -> Script:
    """Every kind of resource, some keys or all."""
    resources = []
    for _ in range(draw.randint(0, 4)):
        kind, name = _resource(draw)
        keys = draw.choice([None, [], [key for key, _ in SETTINGS.get(kind, ())]])
        resources.append({"resource_type": kind, "resource_name": name, "configuration_keys": keys})
    return one(
        ApiKey.DESCRIBE_CONFIGS,
        version,
        resources=resources,
        include_synonyms=draw.flag(),
        include_documentation=draw.random() < 0.1,
    )


@script(ApiKey.ALTER_CONFIGS, settles=True)
def alter_configs(draw: Draw, version: int) -> Script:
    """All of a resource's settings at once.

    Kafka never answers if a resource stands there twice, so this is tried in one version only: each takes a long wait.
    """
    resources = _altered(draw)
    if version < NEWEST:
        resources = list({(each["resource_type"], each["resource_name"]): each for each in resources}.values())
    return one(ApiKey.ALTER_CONFIGS, version, resources=resources, validate_only=draw.random() < 0.3)


@script(ApiKey.INCREMENTAL_ALTER_CONFIGS, settles=True)
def incremental_alter_configs(draw: Draw, version: int) -> Script:
    """Set, deleted, and twice."""
    return one(ApiKey.INCREMENTAL_ALTER_CONFIGS, version, resources=_altered(draw), validate_only=draw.random() < 0.3)


def _altered(draw: Draw) -> list[dict[str, Any]]:
    resources = []
    for _ in range(draw.randint(1, 3)):
        kind, name = _resource(draw)
        configs = []
        for key, values in SETTINGS.get(kind, [("x", ["y"])]):
            if draw.random() < 0.6:
                value = draw.choice([*values, *values, *values, None])
                configs.append({"name": key, "config_operation": draw.choice([0, 0, 1, 9]), "value": value})
        resources.append({"resource_type": kind, "resource_name": name, "configs": configs})
    return resources


@script(ApiKey.LIST_CONFIG_RESOURCES)
def list_config_resources(draw: Draw, version: int) -> Script:
    """All kinds, some, and one that there is not."""
    types = draw.choice([[], [CLIENT_METRICS], [TOPIC, GROUP], [BROKER, BROKER_LOGGER], [77]])
    return one(ApiKey.LIST_CONFIG_RESOURCES, version, resource_types=types)
