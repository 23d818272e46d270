"""What a Java program is started with."""

from pathlib import Path

from proxy.embedded.java import KafkaJars
from proxy.embedded.jvm import Jvm, java_command


def test_a_java_of_ones_own_gets_its_options_and_none_of_the_packaged_ones() -> None:
    """Java 11 does not start with an option that only 24 knows."""
    own = Jvm(Path("/opt/java/bin/java"), ("-server", "-Xmx1G"))
    command = java_command(own, KafkaJars("1.1.1", Path("/jars")), "kafka.Kafka", ["server.properties"], {"a": "b"})
    assert command == [
        *("/opt/java/bin/java", "-server", "-Xmx1G", "-Da=b"),
        *("-cp", "/jars/*", "kafka.Kafka", "server.properties"),
    ]
