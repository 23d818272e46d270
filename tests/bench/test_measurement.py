"""The bench measures real processes: one short run from end to end, and how it tells latencies."""

import asyncio
import time
from itertools import pairwise

import pytest

from bench.load.accounting import cpu_seconds
from bench.load.clock import metronome
from bench.load.connections import AnswerCounter
from bench.load.jobs import Latencies, Sample, Target
from bench.run import Choice, Suite
from bench.session import measured
from bench.stage.contestants import POLICY_ON, RELAY, Doorkeeper, Doors, Relay
from bench.suites import others
from bench.suites.turns import Plan
from bench.suites.workloads import WORKLOADS

TOPIC_AUTHORIZATION_FAILED = 29


@pytest.fixture(scope="module")
def findings():
    chosen = [each for each in WORKLOADS if each.name in ("small", "denied", "connect-mtls", "connect-scram")]
    suites = frozenset({Suite.FLOWS, Suite.LATENCY, Suite.STORMS, Suite.MEMORY})
    choice = Choice(Plan(rounds=1, seconds=0.3, warm_up_s=0.2), suites, chosen, (Relay(), Doorkeeper()))
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(others, "LATENCY_AT_LEAST_S", 0.3)
        shorter.setattr(others, "_CALM_S", 1.0)
        shorter.setattr(others, "_STORM_S", 3.0)
        return measured(choice)


def test_relay_and_doorkeeper_do_the_same_work_and_both_cost_something(findings):
    for workload, samples in findings.flows.items():
        for name in (RELAY, POLICY_ON):
            (sample,) = samples[name]
            assert sample.done > 0, (workload, name)
            assert sample.cpu_s > 0, (workload, name)


def test_only_who_has_a_policy_denies(findings):
    assert findings.flows["denied"][POLICY_ON][0].errors == (0, TOPIC_AUTHORIZATION_FAILED)
    assert findings.flows["denied"][RELAY][0].errors == (0,)
    assert findings.flows["small"][POLICY_ON][0].errors == (0,)


def test_latencies_and_memory_are_of_the_right_order(findings):
    for name in (RELAY, POLICY_ON):
        latencies = findings.latency[name][0].latencies
        assert 0 < latencies.p50 <= latencies.p99 <= latencies.p999 <= latencies.worst
        assert findings.memory[name].before > 1_000_000
        assert findings.memory[name].per_connection > 1_000


def test_everybody_of_a_crowd_gets_in_so_that_all_do_the_same_work(findings):
    for name in (RELAY, POLICY_ON):
        (storm,) = findings.storms[name]
        assert (storm.arrival.connections, storm.arrival.lost) == (others.CROWD, 0), name


def test_every_sample_is_kept(findings):
    assert findings.json().count(b'"done"') == 2 * 4 + 2


def test_however_short_the_rounds_a_latency_sample_has_enough_requests_above_its_percentiles():
    class Told:
        """Stands in the place of a load."""

        def __init__(self):
            self.jobs = []

        def sample(self, job):
            self.jobs.append(job)
            return Sample(seconds=job.seconds, done=1, transferred=1, cpu_of=(1.0,))

    relay, load, target = Relay(), Told(), Target(9093, (), None)
    for seconds in (0.3, 9.0):
        plan = Plan(rounds=1, seconds=seconds, warm_up_s=0)
        others.latency([relay], {relay.name: Doors(target, target)}, load, plan, lambda _: None)
    short, long = load.jobs
    assert short.rate * short.seconds * 0.01 >= 60
    assert long.seconds == 9.0


def test_percentiles_lie_within_what_was_seen():
    found = Latencies.of([n / 1e6 for n in range(1, 1001)])
    assert found is not None
    assert found.p50 == pytest.approx(500.5)
    assert found.p99 == pytest.approx(990.01)
    assert found.p999 <= found.worst == pytest.approx(1000)


def test_too_few_latencies_make_no_percentile():
    assert Latencies.of([0.001] * 99) is None


async def test_who_is_late_still_gets_the_time_when_it_was_due():
    dues, caught_up = [], asyncio.Event()
    until = time.perf_counter() + 0.05

    def tick(due):
        dues.append(due)
        if len(dues) == 1:
            time.sleep(0.05)  # a client that is busy elsewhere
        if due > until:
            caught_up.set()

    with metronome(1_000, tick):
        await asyncio.wait_for(caught_up.wait(), 30)
    steps = [after - before for before, after in pairwise(dues)]
    assert steps == pytest.approx([0.001] * len(steps))
    assert len(dues) >= 49


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_answers_are_counted_however_they_are_cut(size):
    frames = [(length).to_bytes(4, "big") + b"x" * length for length in (4, 300, 1, 70_000, 12)]
    stream = b"".join(frames)
    counter = AnswerCounter()
    assert sum(counter.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == len(frames)
    assert counter.first_frame() == frames[0]


def test_the_cpu_of_living_children_counts():
    async def own_and_childs():
        work = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", f"python3 -c '{work}'; true", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        await child.stdout.readline()
        used = cpu_seconds(child.pid)
        child.stdin.close()
        await child.wait()
        return used

    assert asyncio.run(own_and_childs()) >= 0.3
