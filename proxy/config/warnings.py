"""What is allowed, but deserves a second look: told by `check` and at start, never a reason to stop."""

from collections.abc import Iterator

from policies.model import ANONYMOUS
from policies.strict_yaml import Fault
from proxy.config.cluster_model import KerberosLogin, PasswordLogin
from proxy.config.model import Config, ListenerConfig, PolicyMode, SecurityProtocol
from proxy.config.values import is_loopback


def warnings(config: Config) -> tuple[Fault, ...]:
    """Every risk that the settings take knowingly or not."""
    return (
        *_policy(config),
        *_cluster(config),
        *_admin(config),
        *(warning for listener in config.listeners for warning in _listener(config, listener)),
    )


def _policy(config: Config) -> Iterator[Fault]:
    if config.policy.mode is PolicyMode.OFF:
        yield config.fault("policy", "the policy is off: every client may do everything")
    if config.policy.mode is PolicyMode.OBSERVE:
        yield config.fault("policy.mode", "the policy is only observed: what it denies is told, but let through")


def _cluster(config: Config) -> Iterator[Fault]:
    cluster = config.cluster
    if cluster.tls is not None and not cluster.tls.endpoint_identification:
        yield config.fault(
            "cluster.tls.endpoint_identification",
            "the brokers' names are not checked: whoever has a certificate of a trusted authority can be a broker",
            "remove it, and set server_name if the brokers' certificates hold another name",
        )
    remote = not all(is_loopback(host) for host, _ in cluster.bootstrap_servers)
    if remote and cluster.security_protocol is SecurityProtocol.SASL_PLAINTEXT:
        proven = isinstance(cluster.login, KerberosLogin) or (
            isinstance(cluster.login, PasswordLogin) and cluster.login.mechanism.startswith("SCRAM-")
        )
        what = "everything but our password goes" if proven else "our password or token goes"
        yield config.fault("cluster.security_protocol", f"{what} to the brokers in clear text", "SASL_SSL")


def _admin(config: Config) -> Iterator[Fault]:
    if config.admin is not None and not is_loopback(config.admin.bind[0]):
        yield config.fault(
            "admin.bind",
            "the admin port has no authentication and can be reached from other machines",
            "127.0.0.1, or a network of its own",
        )


def _listener(config: Config, listener: ListenerConfig) -> Iterator[Fault]:
    setting = f"listeners.{listener.name}"
    reachable = not is_loopback(listener.bind[0])
    lent = config.cluster.security_protocol is not SecurityProtocol.PLAINTEXT and not config.cluster.forward_principal
    if reachable and listener.anonymous and lent:
        yield config.fault(
            f"{setting}.allow_unauthenticated",
            f"whoever reaches listener {listener.name!r} speaks to the brokers in our name",
            "bind it to 127.0.0.1",
        )
    if listener.principal != ANONYMOUS and reachable:
        yield config.fault(
            f"{setting}.principal",
            f"whoever reaches listener {listener.name!r} is {listener.principal}",
            "bind it to 127.0.0.1",
        )
    if listener.principal_by_network:
        who = ", ".join(
            f"from {network} is {principal}" for network, principal in listener.principal_by_network.items()
        )
        yield config.fault(
            f"{setting}.principal_by_network",
            f"clients of listener {listener.name!r} are known by their address alone: whoever can send {who}",
            "let them authenticate as soon as they can",
        )
    in_clear = listener.security_protocol is SecurityProtocol.SASL_PLAINTEXT and "PLAIN" in listener.sasl.mechanisms
    if in_clear and reachable:
        yield config.fault(f"{setting}.sasl", "PLAIN sends passwords in clear text over SASL_PLAINTEXT", "SASL_SSL")
    yield from _oauthbearer(config, listener, setting, reachable=reachable)


def _oauthbearer(config: Config, listener: ListenerConfig, setting: str, *, reachable: bool) -> Iterator[Fault]:
    oauthbearer = listener.sasl.oauthbearer
    if oauthbearer is None:
        return
    if reachable and not listener.security_protocol.tls:
        message = "OAUTHBEARER sends tokens in clear text over SASL_PLAINTEXT"
        yield config.fault(f"{setting}.sasl", message, "SASL_SSL")
    if not oauthbearer.rules.expected_audience:
        yield config.fault(
            f"{setting}.sasl.oauthbearer",
            "every token of the issuer is taken, also those made for other services",
            "set expected_audience",
        )
