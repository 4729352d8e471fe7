"""A stand-in for a media pod's signalling port: checks the gateway's assertion, then does as told.

The real media pod is met in tests/e2e; this one can misbehave.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import WSMsgType, web

from api.shim.deployed import Install, until


@dataclass
class StandIn:
    install: Install
    hall_uid: str
    address: str
    port: int
    refuse_with: int = 0
    answers_pings: bool = True
    assertions: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    knocks: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/rtc", self._rtc)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            for socket in self.sockets:
                self.break_off(socket)
            await self._runner.cleanup()
            self._runner = None

    async def close_all(self, code: int) -> None:
        for socket in self.sockets:
            await socket.close(code=code)

    @staticmethod
    def break_off(socket: web.WebSocketResponse) -> None:
        transport = socket._req.transport if socket._req is not None else None
        if transport is not None:
            transport.abort()

    async def _rtc(self, request: web.Request) -> web.StreamResponse:
        self.knocks += 1
        if self.refuse_with:
            return web.Response(status=self.refuse_with)
        _, _, assertion = request.headers["Authorization"].partition(" ")
        assert "token" not in request.query_string
        claims = jwt.decode(
            assertion,
            self.install.gateway_public_pem,
            algorithms=["EdDSA"],
            audience=self.hall_uid,
            issuer="relay-gateway",
            options={"require": ["exp", "iat", "jti", "sub"]},
        )
        assert jwt.get_unverified_header(assertion)["typ"] == "relay-gateway+jwt"
        self.assertions.append(claims)
        socket = web.WebSocketResponse(autoping=self.answers_pings)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            self.frames.append(frame)
            if frame["type"] == "join":
                await socket.send_json({"type": "welcome", "you": claims["sub"]})
            elif frame["type"] == "flood":
                for _ in range(frame["frames"]):
                    await socket.send_str("x" * 100_000)
            else:
                await socket.send_json({"type": "echo", "of": frame})
        return socket

    async def connected(self, count: int = 1) -> None:
        await until(lambda: len(self.sockets) >= count, f"{count} sockets at the pod")
