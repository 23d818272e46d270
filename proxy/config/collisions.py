"""No two sockets on one port: known before any of them is opened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policies.strict_yaml import Fault, Node
from proxy.config.model import AdminConfig, ListenerConfig, Place, PortOnDemandConfig, PortPerBrokerConfig
from proxy.config.reader import SettingsReader
from proxy.config.values import is_wildcard


@dataclass(frozen=True, slots=True)
class _Claim:
    """Somebody who wants ports of a host."""

    owner: str
    host: str
    ports: range
    setting: str

    def overlaps(self, other: "_Claim") -> int | None:
        """A port that both want, or None."""
        first = max(self.ports.start, other.ports.start)
        if first >= min(self.ports.stop, other.ports.stop):
            return None
        shared_host = self.host == other.host or is_wildcard(self.host) or is_wildcard(other.host)
        return first if shared_host else None


def report_collisions(
    reader: SettingsReader, listeners: Mapping[str, ListenerConfig], admin: AdminConfig | None, root: Node
) -> None:
    """Note a fault for every pair of claims on the same port of the same host."""
    claims = list(_claims(listeners, admin))
    for index, later in enumerate(claims):
        for earlier in claims[:index]:
            port = later.overlaps(earlier)
            if port is not None:
                place = reader.places.get(later.setting, Place(root.line, root.column))
                message = f"port {port} of {later.owner} is already that of {earlier.owner}"
                reader.faults.append(Fault(reader.file, place.line, place.column, message))


def _claims(listeners: Mapping[str, ListenerConfig], admin: AdminConfig | None) -> Iterator[_Claim]:
    for name, listener in listeners.items():
        host, port = listener.bind
        yield _Claim(f"listener {name!r}", host, range(port, port + 1), f"listeners.{name}.bind")
        if isinstance(listener.brokers, PortPerBrokerConfig):
            setting = f"listeners.{name}.brokers"
            yield _Claim(f"the brokers of listener {name!r}", host, listener.brokers.ports, setting)
        elif isinstance(listener.brokers, PortOnDemandConfig):
            # Ports behind it that others have are passed over.
            first = listener.brokers.first_port
            setting = f"listeners.{name}.brokers"
            yield _Claim(f"the brokers of listener {name!r}", host, range(first, first + 1), setting)
    # Port 0 is whatever the system has left.
    if admin is not None and admin.bind[1]:
        host, port = admin.bind
        yield _Claim("admin", host, range(port, port + 1), "admin.bind")
