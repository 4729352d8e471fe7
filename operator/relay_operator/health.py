"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest

from relay_operator.metrics import REGISTRY


class HealthServer:
    """``alive`` and ``ready`` return what is amiss, or nothing."""

    def __init__(
        self, *, port: int, alive: Callable[[], str | None], ready: Callable[[], str | None]
    ) -> None:
        """Listen on every address of this port; 0 takes a free one."""
        self._port = port
        self._alive = alive
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def open(self) -> int:
        """Start to listen; returns the port."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, None, self._port)
        await site.start()
        # A free port differs between IPv4 and IPv6; an IPv4 address has two parts.
        addresses = sorted(self._runner.addresses, key=len)
        return int(addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), content_type="text/plain")


def _answer(amiss: str | None) -> web.Response:
    if amiss is None:
        return web.Response(text="ok\n")
    return web.Response(status=503, text=f"{amiss}\n")
