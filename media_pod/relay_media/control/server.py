"""The control port: what the operator asks of a pod, and what probes and Prometheus read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from relay_media.control.problems import problem
from relay_media.control.requests import read_assign, read_close, read_poll
from relay_media.control.tokens import KeyRing, read_control_token
from relay_media.errors import AlreadyAssignedError, PermanentError, TokenError
from relay_media.metrics import CONTENT_TYPE, Metrics
from relay_media.pod import Pod

_MAX_BODY = 64 * 1024
_BODY_SECONDS = 5.0

Handler = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
AioHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    """Serves one pod's control API. ``ready`` says whether every port is open."""

    def __init__(
        self,
        *,
        pod: Pod,
        keys: KeyRing,
        metrics: Metrics,
        ready: Callable[[], bool],
    ) -> None:
        self._pod = pod
        self._keys = keys
        self._metrics = metrics
        self._ready = ready

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[_problems])
        app.router.add_post("/assign", self._signed(self._assign, any_hall=True))
        app.router.add_get("/status", self._signed(self._status))
        app.router.add_get("/events", self._signed(self._events))
        app.router.add_post("/close", self._signed(self._close))
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._expose)
        return app

    def _signed(self, handler: Handler, *, any_hall: bool = False) -> AioHandler:
        """Let in only who holds the operator's key, and speaks of this pod's hall."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                hall_uid = self._authenticate(request, any_hall=any_hall)
            except TokenError as error:
                self._metrics.control.labels("unauthorized").inc()
                return problem(401, "unauthorized", str(error), WWW_Authenticate="Bearer")
            self._metrics.control.labels("served").inc()
            return await handler(request, hall_uid)

        return guarded

    def _authenticate(self, request: web.Request, *, any_hall: bool) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenError("send Authorization: Bearer <token>")
        hall_uid = read_control_token(
            token.strip(), self._keys, pod_uid=self._pod.uid, now=time.time()
        )
        assigned = self._pod.hall_uid
        if not any_hall and assigned is not None and hall_uid != assigned:
            raise TokenError("the token is for another hall")
        return hall_uid

    async def _assign(self, request: web.Request, hall_uid: str) -> web.StreamResponse:
        hall = read_assign(await _body(request))
        if hall.uid != hall_uid:
            return problem(401, "unauthorized", "the token is for another hall")
        try:
            self._pod.assign(hall)
        except AlreadyAssignedError as error:
            return problem(409, "already_assigned", str(error))
        return web.json_response(self._pod.status())

    async def _status(self, _: web.Request, __: str) -> web.StreamResponse:
        return web.json_response(self._pod.status())

    async def _events(self, request: web.Request, _: str) -> web.StreamResponse:
        after, seconds = read_poll(request.query)
        log = self._pod.events
        await log.wait(after, seconds)
        events, gap = log.after(after)
        status = self._pod.status()
        body = {
            "pod_uid": self._pod.uid,
            "events": [event.as_json() for event in events],
            "sequence": status["sequence"],
            "participants": status["participants"],
            "empty_since": status["empty_since"],
            **({"gap": True} if gap else {}),
        }
        response = web.Response(body=json.dumps(body).encode(), content_type="application/json")
        await response.prepare(request)
        await response.write_eof()
        log.delivered(status["sequence"])
        return response

    async def _close(self, request: web.Request, _: str) -> web.StreamResponse:
        await self._pod.close(read_close(await _body(request)))
        return web.json_response(self._pod.status())

    async def _healthz(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.StreamResponse:
        if self._pod.leaving or not self._ready():
            return problem(503, "not_ready", "the pod is starting or leaving")
        return web.json_response({"status": "ok"})

    async def _expose(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=self._metrics.expose(), headers={"Content-Type": CONTENT_TYPE})


async def _body(request: web.Request) -> Any:
    async with asyncio.timeout(_BODY_SECONDS):
        raw = await request.read()
    try:
        return json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise PermanentError("the body is not JSON") from error


@web.middleware
async def _problems(request: web.Request, handler: AioHandler) -> web.StreamResponse:
    """One error shape for everything, the framework's own refusals included."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        code = error.reason.lower().replace(" ", "_")
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return problem(error.status, code, error.reason, **headers)
    except PermanentError as error:
        return problem(400, "bad_request", str(error))
    except TimeoutError:
        return problem(408, "request_timeout", "the body did not come in time")
