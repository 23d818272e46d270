"""A real Kafka is started, used directly, and gone again."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from proxy.embedded import EmbeddedError, KafkaCluster
from proxy.embedded.listeners import authorizer_settings, plain_listener

pytestmark = pytest.mark.kafka

ENOUGH_S = 30.0


def create_topic(configuration: dict[str, str], topic: str, partitions: int = 1, replicas: int = 1) -> None:
    admin = AdminClient(configuration)
    admin.create_topics([NewTopic(topic, partitions, replicas)])[topic].result(ENOUGH_S)


def produce(configuration: dict[str, str], topic: str, values: Sequence[bytes]) -> None:
    errors: list[KafkaError] = []
    producer = Producer({**configuration, "acks": "all"})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _message: errors.append(error) if error else None)
    assert producer.flush(ENOUGH_S) == 0
    if errors:
        raise KafkaException(errors[0])


def consume(configuration: dict[str, str], topic: str, group: str, count: int) -> list[bytes]:
    consumer = Consumer({**configuration, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values: list[bytes] = []
    try:
        while len(values) < count:
            messages = consumer.consume(count - len(values), ENOUGH_S)
            assert messages, f"only {values} came"
            values += [message.value() for message in messages]
    finally:
        consumer.close()
    return values


def test_a_client_reads_what_a_client_wrote(kafka: KafkaCluster, unique_name: Callable[[str], str]) -> None:
    plain = {"bootstrap.servers": kafka.bootstrap_servers}
    topic = unique_name("cluster")
    create_topic(plain, topic)
    produce(plain, topic, [b"one", b"two"])
    assert consume(plain, topic, unique_name("group"), 2) == [b"one", b"two"]


def test_kafkas_own_console_tools_read_what_they_wrote(kafka: KafkaCluster, unique_name: Callable[[str], str]) -> None:
    topic = unique_name("console")
    create_topic({"bootstrap.servers": kafka.bootstrap_servers}, topic)
    written = kafka.tools.run(
        "ConsoleProducer",
        kafka.tools.producer_servers_option,
        kafka.bootstrap_servers,
        "--topic",
        topic,
        stdin="first\nsecond\n",
    )
    assert written.exit_code == 0, written.stderr
    read = kafka.tools.run(
        "ConsoleConsumer",
        "--bootstrap-server",
        kafka.bootstrap_servers,
        *("--topic", topic, "--from-beginning", "--max-messages", "2"),
    )
    assert (read.exit_code, read.stdout) == (0, "first\nsecond\n"), read.stderr


def test_three_brokers_survive_the_crash_of_one(
    kafka_of_three: KafkaCluster, unique_name: Callable[[str], str]
) -> None:
    plain = {"bootstrap.servers": kafka_of_three.bootstrap_servers}
    topic = unique_name("three")
    create_topic(plain, topic, partitions=3, replicas=3)
    produce(plain, topic, [b"before"])
    kafka_of_three.broker(2).kill()
    try:
        produce(plain, topic, [b"after"])
    finally:
        kafka_of_three.broker(2).start()
    assert sorted(consume(plain, topic, unique_name("group"), 2)) == [b"after", b"before"]


@pytest.mark.parametrize("version", ["1.1.1", "4.1.0"])
def test_a_secured_kafka_refuses_who_has_no_acl(version: str, tmp_path: Path) -> None:
    users = plain_listener({"admin": "admin-secret", "alice": "alice-secret"})
    properties = authorizer_settings(version, ["User:admin"])

    def configuration(user: str) -> dict[str, str]:
        return {
            "bootstrap.servers": secured.servers_of(users.name),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": f"{user}-secret",
        }

    with KafkaCluster(version, directory=tmp_path, listeners=[users], properties=properties) as secured:
        create_topic(configuration("admin"), "orders")
        produce(configuration("admin"), "orders", [b"allowed"])
        with pytest.raises(KafkaException) as refused:
            produce(configuration("alice"), "orders", [b"denied"])
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("version", ["1.1.1", "4.1.0"])
def test_what_was_written_is_still_there_at_the_next_start_in_the_same_directory(version: str, tmp_path: Path) -> None:
    with KafkaCluster(version, directory=tmp_path) as first:
        plain = {"bootstrap.servers": first.bootstrap_servers}
        create_topic(plain, "kept")
        produce(plain, "kept", [b"value"])
    with KafkaCluster(version, directory=tmp_path) as second:
        assert consume({"bootstrap.servers": second.bootstrap_servers}, "kept", "group", 1) == [b"value"]


def test_a_broker_that_cannot_start_shows_its_own_words() -> None:
    with pytest.raises(EmbeddedError, match=r"broker-1 ended \(exit code 1\)(?s:.)*num\.partitions"):
        KafkaCluster("1.1.1", properties={"num.partitions": "many"}).start()


def test_a_text_that_is_no_version_is_refused() -> None:
    with pytest.raises(EmbeddedError, match="'latest' is not a version of Kafka"):
        KafkaCluster("latest")


def test_nothing_outlives_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL leaves us no time to clean up: the kernel has to end the children."""
    program = """
        import sys
        from proxy.embedded import KafkaCluster
        cluster = KafkaCluster("1.1.1").start()
        print(cluster.directory, flush=True)
        sys.stdin.read()
    """
    # Nor is there time to remove the temporary directory.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert Path(owner.stdout.readline().strip()).is_dir()
        children = psutil.Process(owner.pid).children()
        owner.kill()
    assert len(children) == 2, "ZooKeeper and one broker"
    _, alive = psutil.wait_procs(children, timeout=ENOUGH_S)
    assert not alive
