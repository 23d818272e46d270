"""Metrics, in Prometheus' and OpenMetrics' conventions.

No label takes a value that a client can choose freely: no topic, principal, group or client id ever becomes one.
"""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, disable_created_metrics

# Mechanisms that may become a label; whatever else a client asks for is counted under UNKNOWN.
MECHANISMS = frozenset(
    {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI", "SSL", "NETWORK", "ANONYMOUS", "FORWARDED"},
)
UNKNOWN = "Unknown"


class Metrics:
    """All metrics of one process, in a registry of their own.

    Handles whose labels are known early may be kept by the caller: `metrics.bytes.labels("client_to_broker")`.
    """

    def __init__(self, version: str, *, process: bool = True) -> None:
        # A *_created series beside every counter doubles the output and tells nothing that a restart time does not.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
        Info("doorkeeper_build", "Version of this doorkeeper.", registry=self.registry).info(
            {"version": version, "python": platform.python_version()}
        )
        self._add_connection_metrics()
        self._add_request_metrics()
        self._add_policy_metrics()
        self._add_health_metrics()

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"doorkeeper_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"doorkeeper_{name}", help_text, labels, registry=self.registry)

    def _add_connection_metrics(self) -> None:
        self.connections = self._gauge(
            "connections", "Open client connections; state: unauthenticated, authenticated.", "listener", "state"
        )
        # Not "connections_total": OpenMetrics would give it the same family name as the gauge above.
        self.connections_opened = self._counter("connections_opened", "Client connections opened.", "listener")
        self.connections_closed = self._counter(
            "connections_closed", "Client connections closed, by reason.", "listener", "reason"
        )
        self.connections_refused = self._counter(
            "connections_refused",
            "Connections closed as soon as it was clear where they come from; reason: handshakes, failed_logins.",
            "listener",
            "reason",
        )
        self.handshakes = self._gauge("handshakes", "TLS handshakes and logins that are not finished.")
        self.first_bytes_rejected = self._counter(
            "first_bytes_rejected",
            "Connections whose first bytes were not what the port expects.",
            "listener",
            "looks_like",
        )
        self.tls_handshakes_failed = self._counter(
            "tls_handshakes_failed", "TLS handshakes that failed, by reason.", "listener", "reason"
        )
        self.tls_handshakes = self._counter(
            "tls_handshakes", "TLS handshakes that came about, by version.", "listener", "version"
        )
        self.authentications = self._counter(
            "authentications",
            "Authentications; result: success, failure. Failures have a reason.",
            "listener",
            "mechanism",
            "result",
            "reason",
        )
        self.legacy_scram_nonces = self._counter(
            "legacy_scram_nonces",
            "Logins let in with the wrong nonce of librdkafka before 2.6.1.",
            "listener",
        )

    def _add_request_metrics(self) -> None:
        self.requests = self._counter("requests", "Requests received, by API.", "api")
        self.requests_refused = self._counter(
            "requests_refused", "Requests refused for protocol reasons.", "api", "reason"
        )
        self.denials = self._counter("denials", "Denials that were enforced.", "api", "operation", "resource_type")
        self.observed_denials = self._counter(
            "observed_denials",
            "Denials that were told but let through (policy mode observe).",
            "api",
            "operation",
            "resource_type",
        )
        self.bytes = self._counter(
            "bytes", "Bytes forwarded; direction: client_to_broker, broker_to_client.", "direction"
        )

    def _add_policy_metrics(self) -> None:
        self.policy_generation = self._gauge("policy_generation", "Generation of the policy in force.")
        self.policy_loaded = self._gauge(
            "policy_loaded_timestamp_seconds", "When the policy in force was loaded, in seconds since the epoch."
        )
        self.policy_reloads = self._counter(
            "policy_reloads", "Reloads of certificates, users and policy; result: success, failure.", "result"
        )
        self.certificate_expiry = self._gauge(
            "certificate_not_after_timestamp_seconds",
            "When the certificate of a listener expires, in seconds since the epoch.",
            "listener",
        )
        self.crl_next_update = self._gauge(
            "crl_next_update_timestamp_seconds",
            "When the first of a listener's revocation lists expires, in seconds since the epoch.",
            "listener",
        )
        self.upstream_certificate_expiry = self._gauge(
            "upstream_certificate_not_after_timestamp_seconds",
            "When our own certificate towards the brokers expires, in seconds since the epoch; 0 without one.",
        )
        self.jwks_fetches = self._counter(
            "jwks_fetches", "Questions to a token issuer for its keys; result: success, failure.", "listener", "result"
        )
        self.jwks_fetched = self._gauge(
            "jwks_last_success_timestamp_seconds",
            "When the keys of a listener's token issuer were had last, in seconds since the epoch.",
            "listener",
        )
        # Alerts need the zero before the first reload happens.
        for result in ("success", "failure"):
            self.policy_reloads.labels(result)

    def _add_health_metrics(self) -> None:
        self.broker_up = self._gauge(
            "broker_up", "1 if the last connection to the broker succeeded, else 0.", "node_id"
        )
        self.upstream_failures = self._counter(
            "upstream_failures", "Connections to brokers that did not come about, by step.", "step"
        )
        self.session_bugs = self._counter("session_bugs", "Sessions closed because of a bug of the doorkeeper.")
        self.audit_lines = self._counter("audit_lines", "Audit lines written.")
        self.audit_lines_dropped = self._counter("audit_lines_dropped", "Audit lines that were lost.")


def mechanism_label(mechanism: str) -> str:
    """The mechanism as a label: a client can ask for any text, a label must stay bounded."""
    return mechanism if mechanism in MECHANISMS else UNKNOWN
