"""The admin port: /livez, /readyz, /metrics, and a status page at /."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

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
        self._runner = web.AppRunner(self.application(), access_log=None)
        self.port = 0

    def application(self) -> web.Application:
        """The application, to be served or tested."""
        application = web.Application()
        application.router.add_get("/livez", self._live)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._expose)
        application.router.add_get("/", self._page)
        return application

    async def start(self, bind: tuple[str, int]) -> None:
        """Listen.

        :raises OSError: if the address cannot be listened on.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, *bind)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        reasons = self._reasons()
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    def _reasons(self) -> list[str]:
        if self._draining():
            return ["draining: no new connections are taken"]
        if not self._status.ready:
            return ["the cluster has not told its brokers yet, or the listeners are not open"]
        return []

    async def _expose(self, request: web.Request) -> web.Response:
        if "application/openmetrics-text" in request.headers.get("Accept", ""):
            body, kind = generate_openmetrics(self._metrics.registry), OPENMETRICS_TYPE  # type: ignore[no-untyped-call]
        else:
            body, kind = generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _page(self, _: web.Request) -> web.Response:
        page = status_page(self._status, self._reasons())
        return web.Response(text=page, content_type="text/html", headers=_PAGE_HEADERS)
