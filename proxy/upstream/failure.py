"""What is told about a connection to a broker that did not come about."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed, at which step, and what to do about it."""

    broker: str
    step: str
    detail: str
    remedy: str


class UpstreamFailed(ConnectionError):
    """A broker was there, but did not let us in."""


class Watcher(Protocol):
    """Is told of every failure."""

    def upstream_failed(self, broker: str, step: str, detail: str, remedy: str) -> None:
        """A connection to a broker did not come about, or did not last."""
        ...


def fail(watcher: Watcher, failure: Failure) -> UpstreamFailed:
    """Tell of a failure, and give the error to raise."""
    watcher.upstream_failed(failure.broker, failure.step, failure.detail, failure.remedy)
    return UpstreamFailed(f"{failure.step}: {failure.detail} ({failure.remedy})")
