"""The admin port: /livez, /readyz, /metrics, and a status page at /."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from proxy.admin.http import Answer, HttpServer, json_answer
from proxy.admin.page import status_page
from proxy.admin.status import Status

# The page runs no script, loads nothing, and is shown in no other page.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Exposed(Protocol):
    """Metrics to show."""

    @property
    def registry(self) -> Collector:
        """Everything that is counted."""


class AdminServer:
    """Serves what `status` tells. `draining` says whether the process is about to end."""

    def __init__(self, status: Status, metrics: Exposed, draining: Callable[[], bool]) -> None:
        self._status = status
        self._metrics = metrics
        self._draining = draining
        self._server = HttpServer(
            {"/livez": self._live, "/readyz": self._ready, "/metrics": self._expose, "/": self._page}
        )
        self.port = 0

    async def start(self, bind: tuple[str, int]) -> None:
        """Listen.

        :raises OSError: if the address cannot be listened on.
        """
        self.port = await self._server.start(bind)

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()

    def _live(self, _: Mapping[str, str]) -> Answer:
        return json_answer({"live": True})

    def _ready(self, _: Mapping[str, str]) -> Answer:
        reasons = self._reasons()
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return json_answer({"ready": not reasons, "reasons": reasons}, status)

    def _reasons(self) -> list[str]:
        if self._draining():
            return ["draining: no new connections are taken"]
        if not self._status.ready:
            return ["the cluster has not told its brokers yet, or the listeners are not open"]
        return []

    def _expose(self, headers: Mapping[str, str]) -> Answer:
        if "application/openmetrics-text" in headers.get("accept", ""):
            return Answer(generate_openmetrics(self._metrics.registry), OPENMETRICS_TYPE)  # type: ignore[no-untyped-call]
        return Answer(generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST)

    def _page(self, _: Mapping[str, str]) -> Answer:
        page = status_page(self._status, self._reasons())
        return Answer(page.encode(), "text/html; charset=utf-8", headers=_PAGE_HEADERS)
