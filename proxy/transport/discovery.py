"""Keeps the topology up to date: asks the cluster for its brokers, and each broker for its API versions."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final

from protocol.errors import ProtocolError
from proxy.addressing.topology import Address, BrokerAddress, Topology, VersionFacts
from proxy.enforcement.call import ClusterFacts
from proxy.observability.logs import get_logger
from proxy.observability.observer import Observer
from proxy.observability.throttle import Throttle
from proxy.transport.broker_link import BrokerLink, broker_link
from proxy.transport.plain_hop import PlainHop
from proxy.transport.ports import Hop
from proxy.transport.questions import ask_auto_create, ask_brokers, ask_versions, old_release, reason

_FIRST_RETRY_S: Final = 0.25
_NOT_SOONER_THAN_S: Final = 1.0
_TELL_AGAIN_AFTER_S: Final = 60.0
_AT_ONCE: Final = 8

_log = get_logger("doorkeeper.discovery")


class Discovery:
    """Looks at the cluster every `interval_s`, and at once when a connection to a broker failed or an unknown one is
    wanted.

    Connecting to a broker and each of its answers may take `timeout_s`. With a `release` the brokers are taken for
    that one; it is one of those older than 0.10, which cannot tell. ``facts`` is taught the settings of the brokers
    that decide. `hop` is the way to the brokers. `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        topology: Topology,
        observer: Observer,
        *,
        facts: ClusterFacts | None = None,
        interval_s: float = 30.0,
        timeout_s: float = 5.0,
        release: str | None = None,
        hop: Hop | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._topology = topology
        self._observer = observer
        self._facts = facts
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._release = release
        self._hop = hop or PlainHop()
        self._jitter = jitter
        self._wanted = asyncio.Event()
        self._round: asyncio.Task[bool] | None = None
        self._last_round = float("-inf")
        self._up: dict[int, bool] = {}
        self._throttle = Throttle(_TELL_AGAIN_AFTER_S, self._loop.time)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        failures = 0
        try:
            while True:
                self._wanted.clear()
                failures = 0 if await self._survive() else failures + 1
                await self._rest(failures)
        finally:
            if self._round is not None:
                self._round.cancel()

    async def refresh(self) -> bool:
        """Look at the cluster now; whoever asks meanwhile gets the same answer. False: no broker could be asked."""
        if self._round is None:
            self._round = self._loop.create_task(self._look())
            self._round.add_done_callback(self._looked)
        return await asyncio.shield(self._round)

    async def has(self, node_id: int | None) -> bool:
        """Whether a client of this broker (None: of any) can be served, after looking again if that is not known."""
        if not self._knows(node_id) and self._loop.time() - self._last_round >= _NOT_SOONER_THAN_S:
            await self.refresh()
        return self._knows(node_id)

    def broker_failed(self, host: str, port: int) -> None:
        """A connection to a broker did not come about: it may have moved."""
        self._topology.mark_failed((host, port))
        self._tell_up((host, port), up=False)
        self._wanted.set()

    def broker_reached(self, host: str, port: int) -> None:
        """A connection to a broker came about."""
        self._topology.mark_reached((host, port))
        self._tell_up((host, port), up=True)

    def _knows(self, node_id: int | None) -> bool:
        # A broker that a client was told of a moment ago may be known without its versions.
        if node_id is None:
            return self._topology.known
        return self._topology.versions_of(node_id) is not None

    async def _survive(self) -> bool:
        try:
            return await self.refresh()
        except Exception:  # noqa: BLE001 - without discovery the whole process would slowly go blind
            _log.exception("bug: looking at the cluster failed")
            return False

    async def _rest(self, failures: int) -> None:
        """Wait for the next round: a second at least after a success, longer and longer after failures."""
        longest = self._interval_s
        if failures:
            longest = min(longest, _FIRST_RETRY_S * 2 ** min(failures - 1, 16))
        longest *= 0.75 + self._jitter() / 4
        shortest = min(longest, _NOT_SOONER_THAN_S)
        await asyncio.sleep(shortest)
        try:
            await asyncio.wait_for(self._wanted.wait(), longest - shortest)
        except TimeoutError:
            return

    def _looked(self, _: asyncio.Task[bool]) -> None:
        self._round = None
        self._last_round = self._loop.time()

    async def _look(self) -> bool:
        troubles = []
        for address in self._topology.candidates():
            try:
                told = await self._ask_cluster(address)
            except (OSError, ProtocolError) as error:
                troubles.append(f"{_text(address)}: {reason(error)}")
                self._unreachable(address)
            else:
                if told:
                    await self._visit_all_but(address)
                    return True
                troubles.append(f"{_text(address)}: it knows of no broker yet")
        if self._throttle.admit("unreachable") is not None:
            _log.warning("the cluster cannot be reached", troubles=troubles)
        return False

    async def _ask_cluster(self, address: Address) -> bool:
        """Learn the brokers; False if there are none: the cluster has just started, or is a 0.8 without a topic."""
        facts = await self._ask_versions(address)
        async with broker_link(address, self._timeout_s, self._hop) as link:
            brokers = await ask_brokers(link, facts.response)
            await self._ask_settings(link, brokers, facts)
        for change in self._topology.learn(brokers):
            _log.info(str(change), node_id=change.node_id)
            if change.after is None:
                self._up.pop(change.node_id, None)
                self._observer.broker_up(change.node_id, up=False)
        self._topology.learn_versions(address, facts)
        self.broker_reached(*address)
        return bool(brokers)

    async def _ask_settings(self, link: BrokerLink, brokers: Mapping[int, BrokerAddress], facts: VersionFacts) -> None:
        """Whether naming a topic creates it decides what a client without the right to create is told."""
        if self._facts is None or facts.response is None:
            return
        node_id = next((node for node, broker in brokers.items() if broker.address == link.address), None)
        if node_id is not None:
            told = await ask_auto_create(link, node_id, facts.response)
            self._facts.auto_create_topics = True if told is None else told

    async def _visit_all_but(self, asked: Address) -> None:
        """A broker's API versions are its own: clusters are upgraded one broker at a time."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def visit(address: Address) -> None:
            async with limit:
                try:
                    self._topology.learn_versions(address, await self._ask_versions(address))
                except (OSError, ProtocolError) as error:
                    self._unreachable(address)
                    if self._throttle.admit(address) is not None:
                        _log.warning("a broker cannot be reached", broker=_text(address), detail=reason(error))
                else:
                    self.broker_reached(*address)

        async with asyncio.TaskGroup() as group:
            for broker in self._topology.brokers.values():
                if broker.address != asked:
                    group.create_task(visit(broker.address))

    async def _ask_versions(self, address: Address) -> VersionFacts:
        if self._release is not None:
            async with broker_link(address, self._timeout_s, self._hop):
                return VersionFacts(None, self._release)
        known = self._topology.versions_at(*address)
        if known is None or self._topology.failed(address):
            # It may have been restarted as another. As long as it was not it is not newer than it was.
            release = await old_release(address, self._timeout_s, self._hop)
            known = None if release is None else VersionFacts(None, release)
        if known is not None and known.response is None:
            return known
        async with broker_link(address, self._timeout_s, self._hop) as link:
            return VersionFacts(await ask_versions(link))

    def _unreachable(self, address: Address) -> None:
        self._topology.mark_failed(address)
        self._tell_up(address, up=False)

    def _tell_up(self, address: Address, *, up: bool) -> None:
        for node_id, broker in self._topology.brokers.items():
            if broker.address == address and self._up.get(node_id) is not up:
                self._up[node_id] = up
                self._observer.broker_up(node_id, up)


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
