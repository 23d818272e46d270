"""A session without sockets: client and broker are the test itself, and what is asked of the transport is noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kio.static.constants import uuid_zero

from policies.document import load_policy
from policies.model import ANONYMOUS, Principal
from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from protocol.framing import FrameSplitter
from protocol.header import read_request_head
from protocol.splice import Message, decode_response, encode_request, encode_response
from proxy.addressing.advertised import PortPerBroker
from proxy.addressing.rewrite import Rewriter
from proxy.addressing.topology import BrokerAddress, Topology, VersionFacts
from proxy.authentication.credentials import ScramCredential, ScramMechanism
from proxy.authentication.forwarding import ForwardedClient
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.users import FileUsers
from proxy.enforcement.access import Mode, Verdicts
from proxy.enforcement.call import ClusterFacts
from proxy.session import commands
from proxy.session.context import SessionContext, SessionLimits
from proxy.session.session import Session

BROKER = BrokerAddress("10.9.9.9", 9092)
LIMIT = 100 * 1024 * 1024
NEVER = uuid_zero

POLICY = """
super_users: [User:admin]
policies:
  - name: alice-owns-orders
    principals: [User:alice]
    allow: [Read, Write, Create]
    topics: [orders]
    consumer_groups: [app]
  - name: bob-reads-orders
    principals: [User:bob]
    allow: [Read]
    topics: [orders]
"""


def broker_versions() -> Any:
    """The ApiVersions answer of a broker that has everything we know, and a vendor's API beside it."""
    entity_type = response_type(ApiKey.API_VERSIONS, 4)
    entry = item_type(entity_type, "api_keys")
    keys = [
        build(entry, api_key=key, min_version=known_versions(key).start, max_version=known_versions(key).stop - 1)
        for key in ApiKey
        if known_versions(key)
    ]
    return build(entity_type, api_keys=(*keys, build(entry, api_key=10_000, min_version=0, max_version=3)))


@dataclass(frozen=True)
class Caller:
    """Who called."""

    session_id: str = "s1"
    host: str = "10.1.2.3"
    node_id: int | None = None


def mechanisms(*names: str) -> Mechanisms:
    """SASL for the users alice and bob."""
    lines = ["users:"]
    for user in ("alice", "bob"):
        lines.append(f"  {user}:")
        for mechanism in ScramMechanism:
            credential = ScramCredential.of_password(mechanism, f"{user}-secret", b"saltsaltsalt", 4096)
            lines.append(f"    {mechanism.value}: {credential.format()}")
    users = FileUsers.load("\n".join(lines), "users.yaml")
    return Mechanisms(names, users, lambda: "servernonce", secret=b"secret")


@dataclass
class Policy:
    """The policy in force, to be changed in mid-session."""

    text: str = POLICY
    mode: Mode = Mode.ENFORCE
    generation: int = 0
    verdicts: Verdicts = field(init=False)

    def __post_init__(self) -> None:
        self.change(self.text)

    def change(self, text: str) -> None:
        """Put another policy in force."""
        self.generation += 1
        authorizer = load_policy(text, "policy.yaml").authorizer(self.generation)
        self.verdicts = Verdicts(authorizer, self.mode)


class Desk:
    """A session and both its peers."""

    def __init__(
        self,
        principal: str | None = "User:alice",
        *,
        sasl: Mechanisms | None = None,
        policy: Policy | None = None,
        caller: Caller | None = None,
        limits: SessionLimits | None = None,
        grants: bool = False,
        versions: Any | None = None,
        max_reauth_ms: int = 0,
        certificate: bytes | None = None,
        forwarders: tuple[str, ...] = (),
    ) -> None:
        self.policy = policy or Policy()
        self.stands = True
        self.topology = Topology([("10.9.9.1", 9092)])
        self.topology.learn({1: BROKER})
        self.topology.learn_versions(BROKER.address, VersionFacts(versions or broker_versions()))
        self.facts = ClusterFacts()
        who = Principal.parse(principal) if principal else ANONYMOUS
        self.unadvertised: list[int] = []
        advertised = PortPerBroker("kafka.example.com", 9101, range(1, 10))
        self.context = SessionContext(
            listener="clients",
            topology=self.topology,
            rewriter=Rewriter(self.topology, advertised, self.unadvertised.append),
            facts=self.facts,
            verdicts=lambda: self.policy.verdicts,
            mechanisms=lambda: sasl,
            principal=lambda _certificate: who,
            limits=limits or SessionLimits(),
            grants=grants,
            max_reauth_ms=max_reauth_ms,
            stands=lambda _identity, _certificate: self.stands,
            forwarders=frozenset(map(Principal.parse, forwarders)),
        )
        self.session = Session(self.context, caller or Caller(), certificate)
        self.opened_for: list[ForwardedClient] = []
        self.sent_to_client = b""
        self.sent_to_broker = b""
        self.events: list[Any] = []
        self.timers: dict[commands.Timer, float] = {}
        self.opened: list[tuple[str, int]] = []
        self.work: list[Any] = []
        self.closed: str | None = None
        self.reading = True
        self.auto_open = True
        self._correlation_id = 0
        self._client_frames = FrameSplitter(LIMIT)
        self._broker_frames = FrameSplitter(LIMIT)
        self.do(self.session.started())

    def do(self, todo: commands.Commands) -> None:  # noqa: C901 - one case for each command
        """Perform commands as a transport would."""
        for command in todo:
            assert self.closed is None, f"{command} after Close"
            match command:
                case commands.SendClient(pieces):
                    raw = b"".join(pieces)
                    self.sent_to_client += raw
                    self._client_frames.feed(raw)
                case commands.SendBroker(pieces):
                    assert self.opened, "bytes for a broker that is not connected"
                    raw = b"".join(pieces)
                    self.sent_to_broker += raw
                    self._broker_frames.feed(raw)
                case commands.OpenBroker(host, port, client):
                    self.opened.append((host, port))
                    self.opened_for.append(client)
                case commands.Close(reason):
                    self.closed = reason.value
                case commands.SetTimer(name, seconds):
                    self.timers[name] = seconds
                case commands.CancelTimer(name):
                    self.timers.pop(name, None)
                case commands.Verify(work):
                    self.work.append(work)
                case commands.Emit(event):
                    self.events.append(event)
                case commands.PauseClient():
                    self.reading = False
                case commands.ResumeClient():
                    self.reading = True
        if self.auto_open and any(isinstance(command, commands.OpenBroker) for command in todo):
            self.do(self.session.broker_opened())

    def request(self, api_key: ApiKey, version: int, entity: Any = None, **values: Any) -> bytes:
        """The frame of the client's next request."""
        self._correlation_id += 1
        body = entity if entity is not None else build(request_type(api_key, version), **values)
        return encode_request(api_key, version, self._correlation_id, "test-client", body)

    def send(self, api_key: ApiKey, version: int, entity: Any = None, **values: Any) -> bytes:
        """The client sends a request; its frame comes back."""
        frame = self.request(api_key, version, entity, **values)
        self.do(self.session.client_bytes(frame))
        return frame

    def at_broker(self) -> tuple[bytes, Any] | None:
        """The next request that reached the broker: its frame and its entity."""
        frame = self._broker_frames.next()
        if frame is None:
            return None
        return bytes(frame), Message.request(read_request_head(frame), frame).entity

    def answer(self, frame: bytes, **values: Any) -> bytes:
        """The broker answers a request; the frame of the answer comes back."""
        head = read_request_head(frame)
        answer = build(response_type(head.api_key, head.api_version), **values)
        raw = encode_response(head.api_key, head.api_version, head.correlation_id, answer)
        self.do(self.session.broker_bytes(raw))
        return raw

    def at_client(self, api_key: ApiKey, version: int) -> Any:
        """The next answer that reached the client, or None."""
        frame = self._client_frames.next()
        return None if frame is None else decode_response(api_key, version, frame)[1]

    def raw_at_client(self) -> bytes | None:
        """The next frame that reached the client, undecoded."""
        frame = self._client_frames.next()
        return None if frame is None else bytes(frame)
