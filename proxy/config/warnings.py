"""What is allowed, but deserves a second look: told by `check` and at start, never a reason to stop."""

from collections.abc import Iterator
from ipaddress import ip_address

from policies.model import ANONYMOUS
from policies.strict_yaml import Fault
from proxy.config.model import Config, ListenerConfig, PolicyMode, SecurityProtocol


def warnings(config: Config) -> tuple[Fault, ...]:
    """Every risk that the settings take knowingly or not."""
    return (
        *_policy(config),
        *_admin(config),
        *(warning for listener in config.listeners for warning in _listener(config, listener)),
    )


def _policy(config: Config) -> Iterator[Fault]:
    if config.policy.mode is PolicyMode.OFF:
        yield config.fault("policy", "the policy is off: every client may do everything")
    if config.policy.mode is PolicyMode.OBSERVE:
        yield config.fault("policy.mode", "the policy is only observed: what it denies is told, but let through")


def _admin(config: Config) -> Iterator[Fault]:
    if config.admin is not None and not _is_loopback(config.admin.bind[0]):
        yield config.fault(
            "admin.bind",
            "the admin port has no authentication and can be reached from other machines",
            "127.0.0.1, or a network of its own",
        )


def _listener(config: Config, listener: ListenerConfig) -> Iterator[Fault]:
    setting = f"listeners.{listener.name}"
    reachable = not _is_loopback(listener.bind[0])
    if listener.principal != ANONYMOUS and reachable:
        yield config.fault(
            f"{setting}.principal",
            f"whoever reaches listener {listener.name!r} is {listener.principal}",
            "bind it to 127.0.0.1",
        )
    in_clear = listener.security_protocol is SecurityProtocol.SASL_PLAINTEXT and "PLAIN" in listener.sasl_mechanisms
    if in_clear and reachable:
        yield config.fault(f"{setting}.sasl", "PLAIN sends passwords in clear text over SASL_PLAINTEXT", "SASL_SSL")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
