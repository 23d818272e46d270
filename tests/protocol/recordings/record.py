"""Records what real old clients and real old brokers say to each other: ``python -m tests.protocol.recordings.record``.

Every broker advertises the port of a relay, so that clients and other brokers come through it. Of each API and version
one exchange is kept, in a file for each version of the broker. Give versions as arguments to record only those: 0_8.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from protocol.apis import ApiKey
from proxy.embedded.listeners import authorizer_settings, plain_listener
from proxy.embedded.network import LOOPBACK
from tests.protocol.recordings.relay import Recorder, RelayedCluster, tell

HERE = Path(__file__).parent


@contextmanager
def recorded(version: str, **options: Any) -> Iterator[RelayedCluster]:
    """A cluster whose exchanges are in a file in the end."""
    recorder = Recorder()
    cluster = RelayedCluster(version, recorder, **options)
    with cluster:
        yield cluster
    for relay in cluster.relays.values():
        relay.close()
    recorder.save(HERE / f"{version}.json")


def file_with(cluster: RelayedCluster, text: str) -> str:
    """A file for a tool, gone when the cluster is."""
    with tempfile.NamedTemporaryFile("w", dir=cluster.directory, delete=False) as file:
        file.write(text)
    return file.name


def with_0_8() -> None:
    """The producer, both simple consumers, offsets in Kafka, and offsets in ZooKeeper."""
    version = "0.8.2.2"
    with recorded(version) as cluster:
        servers = cluster.servers
        create_topic(cluster)
        produce(cluster, version)
        shell = ("--topic", "orders", "--partition", "0", "--offset", "-2", "--max-messages", "1")
        cluster.run(version, "SimpleConsumerShell", "--broker-list", servers, *shell, "--no-wait-at-logend")
        cluster.run(version, "GetOffsetShell", "--broker-list", servers, "--topic", "orders", "--time", "-1")
        config = file_with(cluster, "group.id=billing\noffsets.storage=kafka\ndual.commit.enabled=false\n")
        read = ("--zookeeper", cluster.zookeeper, "--topic", "orders", "--from-beginning", "--max-messages", "3")
        cluster.run(version, "ConsoleConsumer", *read, "--consumer.config", config)
        python_offsets(cluster, (0, 8, 1))


def create_topic(cluster: RelayedCluster) -> None:
    """The topic of all scenes, past the brokers."""
    create = ("--zookeeper", cluster.zookeeper, "--create", "--topic", "orders", "--partitions", "1")
    cluster.run(cluster.version, "TopicCommand", *create, "--replication-factor", str(cluster.nodes))


def produce(cluster: RelayedCluster, version: str) -> None:
    """The console producer of some version."""
    write = ("--broker-list", cluster.servers, "--topic", "orders", "--request-required-acks", "1")
    cluster.run(version, "ConsoleProducer", *write, stdin="one\ntwo\nthree\n")


def python_offsets(cluster: RelayedCluster, api_version: tuple[int, ...]) -> None:
    """A consumer of kafka-python that keeps to an old protocol: reads, commits, and asks for what it committed."""
    cluster.recorder.step = f"kafka-python as for {api_version}"
    consumer = KafkaConsumer(bootstrap_servers=cluster.servers, api_version=api_version, group_id="shipping")
    partition = TopicPartition("orders", 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    tell("  polled", consumer.poll(timeout_ms=5000))
    consumer.commit({partition: OffsetAndMetadata(1, "half way", -1)})
    tell("  committed", consumer.committed(partition))
    consumer.close(autocommit=False)


def with_0_9() -> None:
    """The Java producer and consumer before they knew the versions of a broker."""
    version = "0.9.0.1"
    with recorded(version) as cluster:
        produce_and_consume(cluster, version, "--new-consumer")


def produce_and_consume(cluster: RelayedCluster, version: str, *consumer_options: str) -> None:
    """The console tools of some version."""
    servers = cluster.servers
    create_topic(cluster)
    produce(cluster, version)
    read = ("--bootstrap-server", servers, "--topic", "orders", "--from-beginning", "--max-messages", "2")
    cluster.run(version, "ConsoleConsumer", *read, *consumer_options)


def with_0_10() -> None:
    """Timestamps, and the first admin requests."""
    version = "0.10.2.2"
    with recorded(version, properties={"delete.topic.enable": "true"}) as cluster:
        produce_and_consume(cluster, version)
        for api_version in ((0, 10, 1), (0, 10, 2)):
            cluster.recorder.step = f"kafka-python as for {api_version}"
            admin = KafkaAdminClient(bootstrap_servers=cluster.servers, api_version=api_version)
            name = "made-for-" + "-".join(map(str, api_version))
            tell(" ", admin.create_topics([NewTopic(name, 2, 1, topic_configs={"retention.ms": "1000"})]))
            tell(" ", admin.delete_topics([name]))
            admin.close()
        cluster.recorder.step = "kafka-python as for (0, 10, 0)"
        producer = KafkaProducer(bootstrap_servers=cluster.servers, api_version=(0, 10, 0))
        producer.send("orders", b"four").get(20)
        producer.close()
        python_offsets(cluster, (0, 10, 0))


def with_0_11() -> None:
    """Configurations, ACLs, and the marker at the end of a transaction."""
    version = "0.11.0.3"
    with recorded(version, properties=authorizer_settings(version)) as cluster:
        produce_and_consume(cluster, version)
        server = ("--bootstrap-server", cluster.servers)
        acl = ("--allow-principal", "User:alice", "--operation", "Read", "--topic", "orders")
        cluster.run("2.8.2", "AclCommand", *server, "--add", *acl)
        cluster.run("2.8.2", "AclCommand", *server, "--list")
        cluster.run("2.8.2", "AclCommand", *server, "--remove", "--force", *acl)
        cluster.recorder.step = "kafka-python as for (0, 11)"
        admin = KafkaAdminClient(bootstrap_servers=cluster.servers, api_version=(0, 11))
        wanted = {"cleanup.policy": None, "retention.ms": None}
        tell(" ", admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "orders", wanted)]))
        admin.close()
        cluster.recorder.step = "librdkafka in a transaction"
        producer = confluent_kafka.Producer({"bootstrap.servers": cluster.servers, "transactional.id": "billing"})
        producer.init_transactions(30)
        # The second cannot begin before the markers of the first are written.
        for value in (b"five", b"six"):
            producer.begin_transaction()
            producer.produce("orders", value)
            producer.commit_transaction(30)


def with_1_1() -> None:
    """Log directories and delegation tokens; and followers."""
    version = "1.1.1"
    users = plain_listener({"alice": "secret"})
    properties = {"delegation.token.master.key": "key", "sasl.enabled.mechanisms": "PLAIN"}
    with recorded(version, nodes=2, listeners=(users,), properties=properties) as cluster:
        produce_and_consume(cluster, version)
        server = ("--bootstrap-server", cluster.servers)
        cluster.run(version, "LogDirsCommand", *server, "--describe", "--topic-list", "orders")
        data = str(cluster.brokers[0]._data)
        plan = {"topic": "orders", "partition": 0, "replicas": [1, 2], "log_dirs": [data, "any"]}
        file = file_with(cluster, json.dumps({"version": 1, "partitions": [plan]}))
        zookeeper = ("--zookeeper", cluster.zookeeper)
        move = ("--execute", "--reassignment-json-file", file)
        cluster.run(version, "ReassignPartitionsCommand", *zookeeper, *server, *move)
        login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="secret";'
        settings = f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={login}\n"
        config = file_with(cluster, settings)
        tokens = ("--bootstrap-server", f"{LOOPBACK}:{cluster.relays['CLIENTS'].port}", "--command-config", config)
        create = ("--create", "--max-life-time-period", "-1")
        made = cluster.run(version, "DelegationTokenCommand", *tokens, *create, "--renewer-principal", "User:bob")
        hmac = made.split()[made.split().index("User:alice") - 1]
        cluster.run(version, "DelegationTokenCommand", *tokens, "--describe", "--owner-principal", "User:alice")
        for change in ("renew", "expire"):
            period = f"--{'expiry' if change == 'expire' else change}-time-period"
            cluster.run(version, "DelegationTokenCommand", *tokens, f"--{change}", period, "3600000", "--hmac", hmac)
        cluster.recorder.wait_for(ApiKey.OFFSET_FOR_LEADER_EPOCH, 0)


def with_2_8() -> None:
    """Followers that speak as in 2.0."""
    version = "2.8.2"
    properties = {"inter.broker.protocol.version": "2.0"}
    with recorded(version, nodes=2, properties=properties) as cluster:
        produce_and_consume(cluster, version)
        cluster.recorder.step = f"a follower of {version} as in 2.0"
        # It follows the other one from now on, whoever led before.
        cluster.broker(1).kill()
        cluster.broker(1).start()
        cluster.recorder.wait_for(ApiKey.OFFSET_FOR_LEADER_EPOCH, 1)


SCENES = (with_0_8, with_0_9, with_0_10, with_0_11, with_1_1, with_2_8)


if __name__ == "__main__":
    for scene in SCENES:
        if not sys.argv[1:] or scene.__name__.removeprefix("with_") in sys.argv[1:]:
            tell(scene.__name__)
            scene()
