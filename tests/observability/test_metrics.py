"""Metrics keep Prometheus' and OpenMetrics' conventions, and their labels stay few."""

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from proxy.observability.metrics import Metrics, mechanism_label
from proxy.observability.workers import Merged, snapshot

BOUNDED_LABELS = {
    "api",
    "direction",
    "listener",
    "looks_like",
    "mechanism",
    "node_id",
    "operation",
    "python",
    "reason",
    "resource_type",
    "result",
    "state",
    "version",
    "step",
}


def used() -> Metrics:
    """Metrics of which every one has a value."""
    metrics = Metrics("1.2.3", process=False)
    for metric in vars(metrics).values():
        if getattr(metric, "_labelnames", ()):
            metric.labels(*("x" for _ in metric._labelnames))
    return metrics


def test_the_build_is_told():
    assert 'doorkeeper_build_info{python="' in generate_latest(Metrics("1.2.3").registry).decode()


def test_the_process_is_told_too():
    assert "process_resident_memory_bytes" in generate_latest(Metrics("1.2.3").registry).decode()


def test_both_formats_can_be_read_back_and_tell_the_same():
    registry = used().registry
    prometheus = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_prometheus(generate_latest(registry).decode())
        for sample in family.samples
    }
    openmetrics = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_openmetrics(generate_openmetrics(registry).decode())
        for sample in family.samples
    }
    assert prometheus == openmetrics


def test_every_metric_has_our_prefix_a_help_text_and_bounded_labels():
    for family in used().registry.collect():
        assert family.name.startswith("doorkeeper_")
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert set(sample.labels) <= BOUNDED_LABELS
            assert not sample.name.endswith("_created")


@pytest.mark.parametrize(
    ("mechanism", "label"),
    [("SCRAM-SHA-256", "SCRAM-SHA-256"), ("SSL", "SSL"), ("scram-sha-256", "Unknown"), ("\n", "Unknown")],
)
def test_only_known_mechanisms_become_labels(mechanism: str, label: str):
    assert mechanism_label(mechanism) == label


def test_numbers_of_workers_add_up_where_that_makes_sense():
    one, two = Metrics("1.2.3", process=False), Metrics("1.2.3", process=False)
    for metrics, count in ((one, 3), (two, 4)):
        metrics.connections.labels("clients", "authenticated").set(count)
        metrics.requests.labels("Fetch").inc(count)
        metrics.policy_generation.set(count)
        metrics.broker_up.labels(1).set(1)
    two.requests.labels("Produce").inc()
    text = generate_latest(Merged([snapshot(one.registry), snapshot(two.registry)])).decode()
    assert 'doorkeeper_connections{listener="clients",state="authenticated"} 7.0' in text
    assert 'doorkeeper_requests_total{api="Fetch"} 7.0' in text
    assert 'doorkeeper_requests_total{api="Produce"} 1.0' in text
    assert "doorkeeper_policy_generation 4.0" in text
    assert 'doorkeeper_broker_up{node_id="1"} 1.0' in text


def test_one_worker_alone_looks_as_without_workers():
    registry = used().registry
    merged = Merged([snapshot(registry)])
    assert generate_latest(merged) == generate_latest(registry)
    assert generate_openmetrics(merged) == generate_openmetrics(registry)
