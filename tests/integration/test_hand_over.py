"""Certificates, authorities, users and rules change under two hundred clients at work: only who has to go goes."""

from __future__ import annotations

import asyncio
import secrets
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.authentication.users_file import add_user, remove_user
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK, free_range
from proxy.embedded.pki import CertificateAuthority, Identity
from tests.integration.conftest import make_topic
from tests.integration.crowd import Member, gone, scram_secret, served_once_more
from tests.integration.door import NODE_IDS, Door, eventually
from tests.transport.pki import Party

pytestmark = pytest.mark.kafka

STAYING, LEAVING = 95, 5
RULES = """\
policies:
  - {name: all-of-a, principals: ["User:alice", "User:leaver", "User:revoked"], allow: [All], topics: [a-*]}
"""
MORE = "  - {name: more, principals: [User:bob], allow: [Read], topics: [b-*]}\n"
LISTENER = """\
  - name: {name}
    bind: 127.0.0.1:{port}
    advertise: 127.0.0.1
    brokers: {{first_port: {first}, node_ids: 1-5}}
    security_protocol: {protocol}
    tls: {{certificate: secret/tls.crt, key: secret/tls.key{tls}}}
"""


@dataclass
class Mounted(Door):
    """Its certificates are a volume as Kubernetes mounts one: all of them change with one link."""

    turn: int = field(default=0, init=False)
    authorities: list[CertificateAuthority] = field(default_factory=list, init=False)
    taken_back: list[Identity] = field(default_factory=list, init=False)
    server: Identity = field(init=False)

    def _configure(self) -> None:
        self.authorities = [self.authority]
        self.ports = {"certified": free_range(NODE_IDS + 2), "named": free_range(NODE_IDS + 2)}
        self.admin_port = free_range(1)
        self.renew()
        mutual = ", client_ca: secret/ca.crt, client_crl: secret/clients.crl, client_auth: required"
        listeners = [
            LISTENER.format(name=name, port=port, first=port + 1, protocol=protocol, tls=tls)
            for (name, port), protocol, tls in zip(self.ports.items(), ("SSL", "SASL_SSL"), (mutual, ""), strict=True)
        ]
        (self.directory / "doorkeeper.yaml").write_text(
            f"cluster: {{bootstrap_servers: [{self.cluster}]}}\nlisteners:\n{listeners[0]}"
            '    principal_mapping_rules: ["RULE:^CN=([^,]+).*$/$1/"]\n'
            f"{listeners[1]}    sasl: {{mechanisms: [SCRAM-SHA-256]}}\n"
            "users: users.yaml\npolicy: {file: policy.yaml}\naudit: {file: audit.jsonl}\n"
            f'admin: {{bind: "{LOOPBACK}:{self.admin_port}"}}\n'
        )

    def renew(self) -> None:
        """Mount another set: a new certificate of the newest authority, all authorities, and their lists."""
        self.turn += 1
        volume = self.directory / "secret"
        data = volume / f"..2026_{self.turn}"
        data.mkdir(parents=True)
        self.server = self.authorities[-1].server([LOOPBACK])
        self.server.write_pem(data / "tls.crt", data / "tls.key")
        (data / "ca.crt").write_bytes(
            b"".join(each.certificate.public_bytes(Encoding.PEM) for each in self.authorities)
        )
        (data / "clients.crl").write_bytes(b"".join(map(self._list, self.authorities)))
        new = volume / "..data_tmp"
        new.symlink_to(data.name)
        new.replace(volume / "..data")
        for file in data.iterdir():
            with suppress(FileExistsError):
                (volume / file.name).symlink_to(f"..data/{file.name}")

    def _list(self, authority: CertificateAuthority) -> bytes:
        party = Party(authority.certificate, authority.key)
        mine = [each for each in self.taken_back if each.issuer == authority.certificate]
        return party.revoke(*(Party(each.certificate, each.key) for each in mine))

    def trusting(self, identity: Identity | None = None) -> ssl.SSLContext:
        """How clients connect: they trust every authority there ever was."""
        pem = "".join(each.certificate.public_bytes(Encoding.PEM).decode() for each in self.authorities)
        context = ssl.create_default_context(cadata=pem)
        if identity is not None:
            certificate, key = self.directory / "shown.pem", self.directory / "shown.key"
            identity.write_pem(certificate, key)
            context.load_cert_chain(certificate, key)
        return context


@pytest.fixture
def door(kafka_4_1: KafkaCluster, tmp_path: Path) -> Iterator[Mounted]:
    door = Mounted(tmp_path, kafka_4_1.bootstrap_servers)
    door.write_policy(RULES)
    for user in ("alice", "leaver"):
        add_user(tmp_path / "users.yaml", user, f"{user}-password", secrets.randbits)
    yield door.start()
    door.stop()


async def certified(door: Mounted, identity: Identity, count: int) -> list[Member]:
    tls, port = door.trusting(identity), door.ports["certified"]
    return [await Member.connect("certified", port, tls) for _ in range(count)]


async def named(door: Mounted, user: str, count: int) -> list[Member]:
    tls, port, secret = door.trusting(), door.ports["named"], scram_secret(user, f"{user}-password")
    members = [await Member.connect(user, port, tls) for _ in range(count)]
    for member in members:
        await member.log_in(secret)
    return members


async def taken(door: Mounted, *, asked: bool) -> None:
    """Wait until what is in the files is in force: by a signal, or because they were looked at."""
    before = await asyncio.to_thread(door.counter, "doorkeeper_policy_generation")
    if asked:
        door.process.signal(signal.SIGHUP)
    await asyncio.to_thread(eventually, lambda: door.counter("doorkeeper_policy_generation") > before)


async def shows(door: Mounted) -> set[bytes]:
    """The certificates that newcomers see, at both listeners."""
    found = set()
    for port in door.ports.values():
        newcomer = await Member.connect("newcomer", port, door.trusting(door.authority.client("alice")))
        found.add(newcomer.shown)
        newcomer.writer.transport.abort()
    return found


@dataclass
class Changes:
    """Ten of them, of every kind; two send somebody away."""

    door: Mounted
    revoked: Identity

    def __iter__(self) -> Iterator[Callable[[], object]]:
        users = self.door.directory / "users.yaml"
        yield self.door.renew
        yield lambda: self.door.write_policy(RULES + MORE)
        yield lambda: add_user(users, "newcomer", "some-password", secrets.randbits)
        yield self.trust_another
        yield self.let_go
        yield self.door.renew
        yield self.take_back
        yield lambda: self.door.write_policy(RULES)
        yield lambda: add_user(users, "newcomer", "another-password", secrets.randbits)
        yield self.all_at_once

    def trust_another(self) -> None:
        self.door.authorities.append(CertificateAuthority.create("Another"))
        self.door.renew()

    def let_go(self) -> None:
        remove_user(self.door.directory / "users.yaml", "leaver")

    def take_back(self) -> None:
        self.door.taken_back.append(self.revoked)
        self.door.renew()

    def all_at_once(self) -> None:
        self.door.renew()
        self.door.write_policy(RULES + MORE)
        remove_user(self.door.directory / "users.yaml", "newcomer")


async def test_only_who_has_to_go_goes(door: Mounted, kafka_4_1: KafkaCluster) -> None:
    topic = make_topic(kafka_4_1, "a-hand-over")
    changes = Changes(door, door.authority.client("revoked"))
    staying = await certified(door, door.authority.client("alice"), STAYING) + await named(door, "alice", STAYING)
    leaving, revoked = await named(door, "leaver", LEAVING), await certified(door, changes.revoked, LEAVING)
    everybody = [*staying, *leaving, *revoked]
    sent_away = {changes.let_go: leaving, changes.take_back: revoked}
    async with asyncio.TaskGroup() as work:
        tasks = [work.create_task(member.work(topic)) for member in everybody]
        for turn, change in enumerate(changes):
            change()
            await taken(door, asked=turn % 2 == 1)
            await gone(sent_away.get(change, []))
            await served_once_more(everybody)
            assert await shows(door) == {door.server.certificate.public_bytes(Encoding.DER)}
        for task in tasks:
            task.cancel()
    assert [member.refused for member in everybody] == [[]] * len(everybody)
    assert not any(member.ended.is_set() for member in staying)
    assert door.counter("doorkeeper_connections_closed_total", reason="identity_revoked") == 2 * LEAVING
    assert door.counter("doorkeeper_policy_reloads_total", result="failure") == 0
    assert door.counter("doorkeeper_policy_reloads_total", result="success") == 10
    for member in everybody:
        member.writer.transport.abort()
    (again,) = await certified(door, changes.revoked, 1)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await again.reader.readexactly(1)
    again.writer.transport.abort()
