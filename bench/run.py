"""One run: every chosen suite, in front of the brokers that it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from bench.report.findings import Contestants, Findings, machine
from bench.stage.brokers import ideal_broker
from bench.stage.contestants import POLICY_OFF, POLICY_ON, Contestant, Doorkeeper, Doors, Relay
from bench.stage.peers import Peer, peers
from bench.stage.processes import Load, load
from bench.stage.releases import RELEASES
from bench.stage.site import Site, Variant
from bench.suites import others, profile, real, scaling, turns
from bench.suites.turns import Plan, Say
from bench.suites.workloads import Workload

_PROFILED_S: Final = 8.0


class Suite(Enum):
    """A part that can be measured alone."""

    FLOWS = "flows"
    LATENCY = "latency"
    STORMS = "storms"
    MEMORY = "memory"
    STARTS = "starts"
    DECISIONS = "decisions"
    SCALING = "scaling"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be measured."""

    plan: Plan
    suites: frozenset[Suite]
    workloads: Sequence[Workload]
    contestants: Sequence[Contestant]
    absent: Sequence[str] = ()
    """Names of those who would be compared if they were installed."""
    profiled: bool = False


def measure(choice: Choice, site: Site, say: Say) -> Findings:
    """Measure what was chosen.

    :raises MeasurementFailed: if a process did not start, broke off, or was answered what it should not be.
    """
    here = choice.contestants
    notes = {each.name: each.entry.note for each in here if isinstance(each, Peer)}
    about = Contestants([each.name for each in here], notes, choice.absent)
    findings = Findings(machine=machine(), plan=choice.plan, contestants=about)
    # What cannot be installed is told before the hour that the rest takes.
    brokers = [(release, release.jvm(say)) for release in RELEASES] if Suite.REAL in choice.suites else []
    with ideal_broker(site) as port, load(site.folder) as first, load(site.folder) as second:
        run = _Run(choice, site, port, (first, second), here, findings, say)
        run.side_by_side()
        run.one_by_one()
    if brokers:
        compared = [each for each in here if each.name != POLICY_OFF]
        with load(site.folder) as clients:
            findings.real = [
                real.real_flows(compared, site, release, jvm, clients, choice.plan, say) for release, jvm in brokers
            ]
    return findings


def everybody(say: Say) -> tuple[Sequence[Contestant], Sequence[str]]:
    """Who can take part here, and the names of those who are not installed."""
    here: list[Contestant] = [Relay(), Doorkeeper(POLICY_OFF, Variant(mode="off")), Doorkeeper()]
    absent = []
    for peer in peers():
        if peer.program is None:
            say(f"NOT INSTALLED, so not measured: {peer.name} ({peer.entry.program})")
            absent.append(peer.name)
        else:
            here.append(peer)
    return here, absent


@dataclass(frozen=True, slots=True)
class _Run:
    """The suites in front of the ideal broker."""

    choice: Choice
    site: Site
    port: int
    loads: tuple[Load, Load]
    contestants: Sequence[Contestant]
    findings: Findings
    say: Say

    def side_by_side(self) -> None:
        """Those for which all contestants stand ready at the same time."""
        wanted = self.choice.suites & {Suite.FLOWS, Suite.LATENCY, Suite.STORMS}
        if not wanted and not self.choice.profiled:
            return
        plan, found = self.choice.plan, self.findings
        with turns.all_ready(self.contestants, self.site, self.port) as ready:
            if Suite.FLOWS in wanted:
                found.flows, found.bystanders = turns.take(
                    self.contestants, ready, self.loads[0], self.choice.workloads, plan, self.say
                )
            if Suite.LATENCY in wanted:
                found.latency = others.latency(self.contestants, ready, self.loads[0], plan, self.say)
            if Suite.STORMS in wanted:
                found.storms = others.storms(self.contestants, ready, self.loads, plan, self.say)
            if self.choice.profiled:
                self._profile(ready)

    def one_by_one(self) -> None:
        """Those that start what they measure."""
        suites, plan, found = self.choice.suites, self.choice.plan, self.findings
        if Suite.MEMORY in suites:
            found.memory = others.memory(self.contestants, self.site, self.port, self.loads[0], self.say)
        if Suite.STARTS in suites:
            found.starts = others.starts(self.contestants, self.site, self.port, plan, self.say)
        if Suite.DECISIONS in suites:
            found.decisions = others.decisions(others.BINDINGS, plan, self.say)
        if Suite.SCALING in suites:
            self._scale()

    def _scale(self) -> None:
        plan, first = self.choice.plan, self.loads[0]
        with scaling.relay_and_doorkeeper(self.site, self.port) as ready:
            curves = [scaling.curve(axis, ready, first, plan, self.say) for axis in scaling.AXES]
        curves.append(scaling.by_bindings(self.site, self.port, first, plan, self.say))
        self.findings.curves = curves
        self.findings.workers = scaling.by_workers(self.site, self.port, first, plan, self.say)

    def _profile(self, ready: Mapping[str, Doors]) -> None:
        for tool in profile.missing_tools():
            self.say(f"{tool} is not there: its part of the profile is left out")
        self.findings.profiles = [
            profile.profile(self.loads[0], workload, ready[POLICY_ON], _PROFILED_S, self.site.folder, self.say)
            for workload in self.choice.workloads
        ]
