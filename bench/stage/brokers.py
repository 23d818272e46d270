"""The brokers of a measurement: an ideal one, and real Kafkas with a TLS listener of their own."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from bench.load.frames import frames_of, record_batch
from bench.load.jobs import Request, Target
from bench.stage.processes import MeasurementFailed, accepts, cores_of, running
from bench.stage.releases import Release
from bench.stage.site import HOST, STORE_PASSWORD, Site
from protocol.apis import ApiKey
from protocol.splice import decode_response
from proxy.embedded.cluster import KafkaCluster
from proxy.embedded.errors import EmbeddedError
from proxy.embedded.jvm import Jvm
from proxy.embedded.listeners import Listener
from proxy.embedded.network import free_port

PRODUCE_VERSION: Final = 5
FETCH_VERSION: Final = 6
"""Both are known to all brokers from 1.1 to 4.x."""

_METADATA_VERSION: Final = 5
_PARTITIONS: Final = 8
_READ_TOPIC: Final = "bench-read"
_WRITE_TOPIC: Final = "bench-write"
_READ_BATCH: Final = 250_000
_READ_BATCHES: Final = 40
_MADE_WITHIN_S: Final = 30
_NO_LEADER_YET_S: Final = 0.1


@contextmanager
def ideal_broker(site: Site) -> Iterator[int]:
    """Run the broker that costs next to nothing; its port is given."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stage.ideal_broker", str(port)]
    with running(command, site.folder / "ideal-broker.log", lambda: accepts(port), cores_of(measured=False)):
        yield port


@dataclass(frozen=True, slots=True)
class RealBroker:
    """A running Kafka with data to read: its plaintext port, and its own TLS listener."""

    port: int
    pid: int
    own_tls: Target
    plaintext: Target


@contextmanager
def real_broker(site: Site, release: Release, jvm: Jvm) -> Iterator[RealBroker]:
    """Run a Kafka on all cores. What is written is kept for moments only.

    :raises MeasurementFailed: if it does not start or its topics cannot be made.
    """
    tls = {
        "ssl.keystore.location": site.file("server.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": STORE_PASSWORD,
        "ssl.key.password": STORE_PASSWORD,
        "ssl.enabled.protocols": "TLSv1.3" if release.tls_1_3 else "TLSv1.2",
    }
    properties = {
        "num.partitions": str(_PARTITIONS),
        "log.segment.bytes": "67108864",
        "log.retention.bytes": "67108864",
        "log.retention.ms": "-1",
        "log.retention.check.interval.ms": "1000",
        "log.segment.delete.delay.ms": "1000",
    }
    listeners = [Listener("OWN", "SSL", tls)]
    cluster = KafkaCluster(release.version, properties=properties, listeners=listeners, jvm=jvm)
    try:
        cluster.start()
    except EmbeddedError as failure:
        raise MeasurementFailed(str(failure)) from failure
    with cluster:
        (broker,) = cluster.brokers
        _fill(broker.port)
        pid = broker.pid
        own_tls = msgspec.structs.replace(site.by_tls(broker.ports["OWN"], pid), tls_1_2=not release.tls_1_3)
        yield RealBroker(broker.port, pid, own_tls, Target(broker.port, (pid,), None))


def produce_to_real(size: int) -> Request:
    """Batches of this size, each connection to a partition of its own."""
    return Request(ApiKey.PRODUCE, PRODUCE_VERSION, size, (_WRITE_TOPIC,), spread=_PARTITIONS)


def fetch_from_real(size: int) -> Request:
    """Answers of this size, always of the same records."""
    return Request(ApiKey.FETCH, FETCH_VERSION, size, (_READ_TOPIC,), spread=_PARTITIONS)


def _fill(port: int) -> None:
    """Make the topics, and write what will be read into every partition of the one."""
    with socket.create_connection((HOST, port)) as connection:
        for topic in (_WRITE_TOPIC, _READ_TOPIC):
            _make(connection, topic)
        for partition in range(_PARTITIONS):
            request = Request(ApiKey.PRODUCE, PRODUCE_VERSION, _READ_BATCH, (_READ_TOPIC,), spread=_PARTITIONS)
            (frame,) = frames_of(request, partition, 1)
            assert len(record_batch(_READ_BATCH)) < len(frame)
            for _ in range(_READ_BATCHES // _PARTITIONS):
                _, answer = decode_response(request.api, request.version, _ask(connection, frame))
                (found,) = answer.responses[0].partition_responses
                if found.error_code.value:
                    raise MeasurementFailed(f"the broker does not store: {found.error_code.name}")


def _make(connection: socket.socket, topic: str) -> None:
    request = Request(ApiKey.METADATA, _METADATA_VERSION, topics=(topic,))
    (frame,) = frames_of(request, 0, 1)
    deadline = time.monotonic() + _MADE_WITHIN_S
    while time.monotonic() < deadline:
        _, answer = decode_response(request.api, request.version, _ask(connection, frame))
        partitions = answer.topics[0].partitions
        if len(partitions) == _PARTITIONS and all(each.error_code.value == 0 for each in partitions):
            return
        time.sleep(_NO_LEADER_YET_S)
    raise MeasurementFailed(f"topic {topic} was not made within {_MADE_WITHIN_S} s")


def _ask(connection: socket.socket, frame: bytes) -> bytes:
    connection.sendall(frame)
    head = connection.recv(4, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
