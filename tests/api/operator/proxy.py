"""An HTTP proxy before the API server: it counts every request, and can spoil some."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from api.operator.cluster import Cluster

_NAMES = re.compile(r"/(namespaces|halls|pods|events)/[^/]+")


@dataclass(frozen=True, kw_only=True)
class Seen:
    method: str
    path: str
    status: int

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def kind(self) -> str:
        """The request without its names: ``POST /api/v1/namespaces/pods``."""
        return self.method + " " + _NAMES.sub(r"/\1", self.path)


Fault = Callable[[str, str], str | None]
"""(method, path) -> "refuse" (a 503 before), "lose" (done, but the answer is lost) or nothing."""


class ApiProxy:
    """Forwards to the real API server. ``bearer``: as whom; the administrator without one."""

    def __init__(self, cluster: Cluster, *, bearer: str | None = None) -> None:
        self._cluster = cluster
        self._bearer = bearer
        self.seen: list[Seen] = []
        self.fault: Fault = lambda _method, _path: None
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ApiProxy:
        connection = self._cluster.connection
        assert connection is not None
        if self._bearer:
            connection = type(connection)(
                server=connection.server, ca_file=connection.ca_file, token=self._bearer
            )
        self._session = aiohttp.ClientSession(
            connection.server,
            connector=aiohttp.TCPConnector(ssl=connection.ssl_context(), limit=0),
            headers={"Authorization": f"Bearer {t}"} if (t := connection.token) else {},
            timeout=aiohttp.ClientTimeout(total=None),
            # The API server compresses long lists for who takes it: passed on as it is.
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    def writes(self) -> Counter[str]:
        return Counter(found.kind for found in self.seen if found.writes)

    def failures(self) -> Counter[str]:
        return Counter(f"{found.kind} {found.status}" for found in self.seen if found.status >= 400)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        path = request.path
        fault = self.fault(request.method, path)
        if fault == "refuse":
            return web.json_response({"message": "spoilt"}, status=503)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in {"accept", "accept-encoding", "content-type", "user-agent"}
        }
        async with self._session.request(
            request.method,
            request.rel_url,
            data=await request.read() or None,
            headers=headers,
        ) as upstream:
            self.seen.append(Seen(method=request.method, path=path, status=upstream.status))
            if fault == "lose":
                await upstream.read()
                assert request.transport is not None
                request.transport.abort()
                raise asyncio.CancelledError
            response = web.StreamResponse(status=upstream.status)
            for name in ("Content-Type", "Content-Encoding", "Retry-After"):
                if name in upstream.headers:
                    response.headers[name] = upstream.headers[name]
            # An operator that ends hangs up on its watches: that is no fault of anybody's.
            with contextlib.suppress(ConnectionResetError):
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response
