"""Probes and figures, on a port of their own that no Service exposes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from relay_api.metrics import Metrics


@asynccontextmanager
async def health_server(
    *,
    bind: str,
    port: int,
    metrics: Metrics,
    ailing: Callable[[], str],
    unready: Callable[[], str],
) -> AsyncIterator[None]:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics``.

    ``ailing`` and ``unready`` tell in words what is wrong, and nothing where all is well.
    """

    def told(wrong: str) -> web.Response:
        return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)

    async def healthz(_: web.Request) -> web.Response:
        return told(ailing())

    async def readyz(_: web.Request) -> web.Response:
        return told(unready())

    async def figures(_: web.Request) -> web.Response:
        return web.Response(
            body=metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", figures)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, bind, port).start()
        yield
    finally:
        await runner.cleanup()
