"""The metrics of several workers, seen by one of them."""

from prometheus_client import generate_latest

from proxy.observability.metrics import Metrics
from proxy.observability.workers import SnapshotExchange


def opened(registry):
    """The connections opened, as a scraper reads them."""
    (line,) = [
        line for line in generate_latest(registry).decode().splitlines() if line.startswith("doorkeeper_bytes_total")
    ]
    return float(line.split()[-1])


def test_one_worker_answers_for_all(tmp_path):
    exchange = SnapshotExchange(tmp_path)
    own, other = Metrics("test", process=False), Metrics("test", process=False)
    shared = exchange.seen_by(0, own.registry)
    own.bytes.labels("client_to_broker").inc(1)
    assert opened(shared.registry) == 1
    other.bytes.labels("client_to_broker").inc(10)
    exchange.publish(1, other.registry)
    assert opened(shared.registry) == 11
    # The present numbers count for oneself, never the published ones.
    exchange.publish(0, own.registry)
    own.bytes.labels("client_to_broker").inc(100)
    assert opened(shared.registry) == 111


def test_a_worker_that_died_keeps_its_last_numbers(tmp_path):
    exchange = SnapshotExchange(tmp_path)
    own, other = Metrics("test", process=False), Metrics("test", process=False)
    other.bytes.labels("client_to_broker").inc(10)
    exchange.publish(1, other.registry)
    del other
    assert opened(exchange.seen_by(0, own.registry).registry) == 10
