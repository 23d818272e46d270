"""What a listener and the rest of the file demand of each other."""

from collections.abc import Mapping

from policies.strict_yaml import Fault
from proxy.config.model import ClusterConfig, ListenerConfig, PortOnDemandConfig, SecurityProtocol
from proxy.config.reader import SettingsReader
from proxy.config.values import is_loopback


def report_open_doors(
    reader: SettingsReader, cluster: ClusterConfig | None, listeners: Mapping[str, ListenerConfig]
) -> None:
    """Note a fault for every listener that would lend our login to whoever reaches it."""
    if cluster is None or cluster.security_protocol is SecurityProtocol.PLAINTEXT or cluster.forward_principal:
        return
    for name, listener in listeners.items():
        if listener.anonymous and not listener.allow_unauthenticated and not is_loopback(listener.bind[0]):
            message = f"whoever reaches the listener {name!r} would speak to the brokers in our name"
            hint = "bind it to 127.0.0.1, ask its clients who they are, or set allow_unauthenticated: true"
            _report(reader, f"listeners.{name}.bind", message, hint)


def report_ports_of_workers(reader: SettingsReader, listeners: Mapping[str, ListenerConfig], workers: int) -> None:
    """Note a fault for every listener whose workers would not agree on the ports of the brokers."""
    for name, listener in listeners.items():
        if workers > 1 and isinstance(listener.brokers, PortOnDemandConfig):
            message = f"node_ids: auto needs one worker, found {workers}"
            _report(reader, f"listeners.{name}.brokers", message, "every id that a broker has or may get, such as 1-50")


def _report(reader: SettingsReader, setting: str, message: str, hint: str) -> None:
    place = reader.places[setting]
    reader.faults.append(Fault(reader.file, place.line, place.column, message, hint))
