"""Stand-ins for media pods that are one real HTTP server.

``MediaPods`` answers on each pod's own loopback address with the control contract, checking every
token.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from aiohttp import web

_addresses = itertools.count(1)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(kw_only=True)
class MediaPod:
    """One pod's inside: what the contract's answers are made of."""

    uid: str
    hall: dict[str, Any] | None = None
    state: str = "idle"
    participants: int = 0
    empty_since: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    silent: bool = False
    closed_reason: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, kind: str, participants: int) -> None:
        """Something happened in the room."""
        self.participants = participants
        self.empty_since = None if participants else now()
        event = {"sequence": len(self.events) + 1, "type": kind, "at": now(), "data": {}}
        self.events.append(event)
        self.news.set()
        self.news = asyncio.Event()

    def status(self) -> dict[str, Any]:
        return {
            "pod_uid": self.uid,
            "hall_uid": self.hall and self.hall["hall_uid"],
            "state": self.state,
            "participants": self.participants,
            "max_participants": self.hall and self.hall["max_participants"],
            "sequence": len(self.events),
            "empty_since": self.empty_since,
            "started_at": now(),
        }


class MediaPods:
    """Every media pod's control port: one server, told apart by the address that was called."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self.by_ip: dict[str, MediaPod] = {}
        self.refused: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> MediaPods:
        app = web.Application()
        app.router.add_route("*", "/{call}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "0.0.0.0", 0, backlog=2048)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def start(self, uid: str) -> str:
        """Start a pod; returns its address."""
        number = next(_addresses)
        ip = f"127.{64 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        self.by_ip[ip] = MediaPod(uid=uid)
        return ip

    def of_hall(self, hall_uid: str) -> list[MediaPod]:
        return [p for p in self.by_ip.values() if p.hall and p.hall["hall_uid"] == hall_uid]

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        pod = self.by_ip.get(request.transport.get_extra_info("sockname")[0])
        call = request.match_info["call"]
        if pod is None or pod.silent:
            await asyncio.sleep(60)
            return web.Response(status=503)
        pod.calls.append(call)
        problem = self._unauthorized(request, pod)
        if problem:
            self.refused.append(f"{call}: {problem}")
            return web.json_response({"detail": problem}, status=401)
        if call == "assign":
            return self._assign(pod, await request.json())
        if call == "close":
            pod.closed_reason = (await request.json())["reason"]
            pod.state = "closed"
            if pod.participants:
                pod.tell("participant.left", 0)
            pod.tell("hall.closed", 0)
        if call == "events":
            return await self._events(pod, request)
        return web.json_response(pod.status())

    def _unauthorized(self, request: web.Request, pod: MediaPod) -> str | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=["EdDSA"],
                issuer="relay-operator",
                options={
                    "require": ["aud", "pod", "iat", "exp", "jti"],
                    "verify_aud": False,
                },
            )
        except jwt.PyJWTError as error:
            return str(error)
        if header.get("typ") != "relay-control+jwt" or claims["exp"] - claims["iat"] > 60:
            return "typ or lifetime"
        if claims["pod"] != pod.uid:
            return "the token is for another pod"
        if pod.hall and claims["aud"] != pod.hall["hall_uid"]:
            return "the token is for another hall"
        return None

    def _assign(self, pod: MediaPod, hall: dict[str, Any]) -> web.Response:
        if pod.hall is None:
            pod.state, pod.empty_since = "assigned", now()
            pod.hall = hall
            pod.tell("hall.assigned", 0)
        elif pod.hall["hall_uid"] != hall["hall_uid"]:
            return web.json_response({"code": "already_assigned"}, status=409)
        pod.hall = hall
        return web.json_response(pod.status())

    async def _events(self, pod: MediaPod, request: web.Request) -> web.Response:
        after, wait = int(request.query["after"]), float(request.query["wait"])
        if after >= len(pod.events) and wait:
            try:
                async with asyncio.timeout(wait):
                    await pod.news.wait()
            except TimeoutError:
                pass
        if pod.silent:
            await asyncio.sleep(60)
        found = [event for event in pod.events if event["sequence"] > after]
        status = pod.status()
        names = ("pod_uid", "sequence", "participants", "empty_since")
        return web.json_response({"events": found} | {name: status[name] for name in names})
