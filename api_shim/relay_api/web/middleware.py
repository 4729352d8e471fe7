"""Around every request: its id, its log line, its figures, and no answer without a shape."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay_api.log import request_id
from relay_api.metrics import Metrics
from relay_api.problems import Code, ProblemError, path_of, problem_response

_log = logging.getLogger(__name__)

HEADER: Final = "X-Request-Id"
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}", re.ASCII)


class RequestMiddleware:
    """Pure ASGI, for both HTTP and WebSocket. Logs paths, never query strings."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        current = given if _ACCEPTED.fullmatch(given) else f"req_{secrets.token_hex(10)}"
        scope.setdefault("state", {})["request_id"] = current
        reset = request_id.set(current)
        try:
            if scope["type"] == "http":
                await self._serve(scope, receive, send, current)
            else:
                await self._app(scope, receive, send)
        finally:
            request_id.reset(reset)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, current: str) -> None:
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = current
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.exception("a request failed", extra={"path": scope["path"]})
            if status:
                raise
            await self._fail(scope, receive, send_with_headers)
        finally:
            self._record(scope, status or 499, time.perf_counter() - started)

    @staticmethod
    async def _fail(scope: Scope, receive: Receive, send: Send) -> None:
        problem = ProblemError(
            Code.INTERNAL_ERROR,
            "Something went wrong here. Whoever runs this Relay finds it by the request_id.",
        )
        request = Request(scope)
        response = problem_response(
            problem, instance=path_of(request), request_id=request.state.request_id
        )
        await response(scope, receive, send)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", "") or "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method=method, route=route, status=str(status)).inc()
        self._metrics.request_seconds.labels(method=method, route=route).observe(seconds)
        _log.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
            },
        )


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})
