"""The examination: ask, try the doors, judge."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from policies.strict_yaml import Fault
from proxy.addressing.topology import Address
from proxy.config import Config
from proxy.doctor.brokers import judge_brokers
from proxy.doctor.bypass import Places, advice, judge_doors, judge_members, places
from proxy.doctor.crowd import all_of
from proxy.doctor.doors import Door, try_door
from proxy.doctor.finding import Finding, Level, at, counted
from proxy.doctor.machine import judge_machine
from proxy.doctor.policy import judge_policy
from proxy.doctor.survey import Survey, survey
from proxy.policy_source import FileSource, Snapshot
from proxy.transport.plain_hop import PlainHop
from proxy.upstream.hop import hop_to

_STEP_S: Final = 4.0
_TRIED_AT_ONCE: Final = 16
_WORKERS: Final = 4
_DEAREST: Final = (Level.PROBLEM, Level.WARNING, Level.UNKNOWN, Level.FINE)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, the worst first, and what to do next, if anything."""

    findings: tuple[Finding, ...]
    cluster: str
    advice: str | None = None

    def count(self, level: Level) -> int:
        """How many findings are of this level."""
        return sum(finding.level is level for finding in self.findings)

    @property
    def well(self) -> bool:
        """Whether nothing would go wrong."""
        return not self.count(Level.PROBLEM)


def examine(config: Config, notes: Iterable[Fault], doorkeepers: Collection[str]) -> Report:
    """Look at the cluster and this machine.

    ``notes`` are what the files give to think of, ``doorkeepers`` the addresses of others beside this one.

    :raises InvalidDocument: if a file that the configuration names is faulty.
    """
    known = [at(Level.WARNING, "configuration", note) for note in notes]
    return asyncio.run(_examine(config, FileSource(config).load(1), known, doorkeepers))


def as_client(addresses: Iterable[Address]) -> Report:
    """Look at brokers from where clients are: whatever can be reached there is a problem."""
    return asyncio.run(_as_client(tuple(addresses)))


async def _examine(config: Config, snapshot: Snapshot, known: list[Finding], doorkeepers: Collection[str]) -> Report:
    with ThreadPoolExecutor(_WORKERS) as threads:
        hop = hop_to(config.cluster, _Nobody(), threads, timeout_s=_STEP_S)
        if hop is not None:
            hop.tls = snapshot.upstream
        found = await survey(config.cluster.bootstrap_servers, hop or PlainHop(), _STEP_S)
    expected = places(found)
    doors = await _try_all(expected)
    findings = [
        *known,
        *judge_machine(config, [node.node_id for node in found.nodes]),
        *judge_brokers(config, found, doors),
    ]
    if snapshot.policy is not None and found.topics is not None:
        findings += judge_policy(snapshot.policy, found.topics)
    findings += judge_doors(doors, expected, as_client=False)
    findings += judge_members(found.nodes, {*found.own_hosts, *doorkeepers})
    return _report(findings, found, advice(doors))


async def _as_client(addresses: tuple[Address, ...]) -> Report:
    found = await survey(addresses, PlainHop(), _STEP_S)
    expected = places(found)
    doors = await _try_all(expected)
    return _report(judge_doors(doors, expected, as_client=True), found, None)


async def _try_all(expected: Places) -> dict[Address, Door]:
    found = await all_of((try_door(address, _STEP_S) for address in expected), _TRIED_AT_ONCE)
    return dict(zip(expected, found, strict=True))


def _report(findings: Iterable[Finding], found: Survey, what_next: str | None) -> Report:
    ordered = sorted(findings, key=lambda finding: _DEAREST.index(finding.level))
    return Report(tuple(ordered), ", ".join(_cluster(found)), what_next)


def _cluster(found: Survey) -> Iterator[str]:
    """The cluster in a line."""
    asked = [node for node in found.nodes if node.versions is not None]
    releases = sorted({node.release for node in asked})
    yield f"{len(asked)} of {counted(len(found.nodes), 'broker')} reached"
    if releases:
        yield f"Kafka {' and '.join(releases)}"
    if found.topics is not None:
        yield counted(len(found.topics), "topic")
    members = [member for node in asked for member in node.members]
    groups = {member.group_id for member in members}
    yield f"{counted(len(groups), 'group')} with {counted(len(members), 'member')}"


class _Nobody:
    """Who is told of failures, besides the survey, which shows them."""

    def upstream_failed(self, broker: str, step: str, detail: str, remedy: str) -> None:
        """The error that is raised says the same."""
