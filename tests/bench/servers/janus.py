"""Janus (Debian package) with its videoroom plugin, joined over its WebSocket API."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.errors import BenchError, ServerError
from bench.load.description import publish_offer, read_offer, read_remote, subscribe_answer
from bench.load.endpoint import Endpoint
from bench.processes import Process
from bench.servers.janus_files import ROOM, JanusOptions, write_configuration
from bench.servers.ports import free_ports

_WAIT_SECONDS = 15.0
_KEEPALIVE_SECONDS = 20.0


class Janus:
    """One Janus process; every participant is a session of its own."""

    def __init__(self, *, host: str, event_loops: int) -> None:
        self._host = host
        self.name = f"Janus, {event_loops} event loop" if event_loops else "Janus, default threads"
        self._event_loops = event_loops
        self._http: aiohttp.ClientSession | None = None
        self._clients: list[_Client] = []
        self._feed = 0

    async def start(self, *, folder: Path, core: int | None) -> None:
        """Start it in the foreground and wait for its WebSocket.

        Raises:
            ServerError: it ended, or did not listen in time.
        """
        (port,) = free_ports(1, host=self._host)
        (low,) = free_ports(1, host=self._host)
        low = min(low, 65000)
        options = JanusOptions(
            host=self._host,
            websocket_port=port,
            rtp_ports=(low, low + 200),
            event_loops=self._event_loops,
            library=_library(),
        )
        write_configuration(folder, options)
        self._url = f"ws://{self._host}:{port}"
        command = ["janus", "-F", str(folder), "-C", str(folder / "janus.jcfg"), "-i", self._host]
        self.process = Process(command, log=folder / "janus.log", core=core)
        self._http = aiohttp.ClientSession()
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            self.process.check()
            try:
                async with self._http.ws_connect(self._url, protocols=("janus-protocol",)):
                    return
            except aiohttp.ClientConnectionError:
                if time.monotonic() > deadline:
                    raise ServerError(f"Janus is not ready:\n{self.process.tail()}") from None
                await asyncio.sleep(0.1)

    async def publish(self, endpoint: Endpoint, *, ssrc: int, rtx_ssrc: int) -> None:
        client = await self._join({"ptype": "publisher", "display": "bench"})
        self._feed = int(client.joined["id"])
        sdp = publish_offer(endpoint.own, ssrc=ssrc, rtx_ssrc=rtx_ssrc)
        body = {"request": "publish", "audio": False, "video": True}
        answer = await client.message(body, jsep={"type": "offer", "sdp": sdp})
        await endpoint.connect(read_remote(answer["jsep"]["sdp"], host=self._host))
        await client.wait_for("webrtcup")

    async def subscribe(self, endpoint: Endpoint) -> int:
        client = await self._join({"ptype": "subscriber", "streams": [{"feed": self._feed}]})
        offer = str(client.jsep["sdp"])
        answer = subscribe_answer(endpoint.own, offer)
        await client.message({"request": "start"}, jsep={"type": "answer", "sdp": answer})
        await endpoint.connect(read_remote(offer, host=self._host))
        videos = [media for media in read_offer(offer) if media.kind == "video"]
        return videos[0].payload_types[0]

    async def stop(self) -> None:
        for client in self._clients:
            await client.close()
        if self._http is not None:
            await self._http.close()
        self.process.stop()

    async def _join(self, body: dict[str, Any]) -> _Client:
        if self._http is None:
            raise ServerError("start the server first")
        socket = await self._http.ws_connect(self._url, protocols=("janus-protocol",))
        client = _Client(socket)
        self._clients.append(client)
        await client.open({"request": "join", "room": ROOM, **body})
        return client


class _Client:
    """One session with one videoroom handle; a task keeps it alive, as Janus asks (60 s)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = 0
        self._handle = 0
        self.joined: dict[str, Any] = {}
        self.jsep: dict[str, Any] = {}
        self._keepalive: asyncio.Task[None] | None = None

    async def open(self, join: dict[str, Any]) -> None:
        created = await self._request({"janus": "create"}, "success")
        self._session = int(created["data"]["id"])
        attach = {"janus": "attach", "plugin": "janus.plugin.videoroom"}
        attached = await self._request(attach, "success")
        self._handle = int(attached["data"]["id"])
        self._keepalive = asyncio.create_task(self._keep_alive())
        event = await self.message(join)
        self.joined = event["plugindata"]["data"]
        self.jsep = event.get("jsep", {})

    async def message(
        self, body: dict[str, Any], *, jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        request: dict[str, Any] = {"janus": "message", "body": body}
        if jsep:
            request["jsep"] = {**jsep, "trickle": False}
        event = await self._request(request, "event")
        data = event.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise ServerError(f"Janus answered {data}")
        return event

    async def wait_for(self, kind: str) -> None:
        await self._until(lambda reply: reply.get("janus") == kind, kind)

    async def close(self) -> None:
        if self._keepalive is not None:
            self._keepalive.cancel()
        await self._socket.close()

    async def _request(self, request: dict[str, Any], kind: str) -> dict[str, Any]:
        transaction = await self._send(request)

        def fits(reply: dict[str, Any]) -> bool:
            return reply.get("transaction") == transaction and reply.get("janus") == kind

        return await self._until(fits, kind)

    async def _send(self, request: dict[str, Any]) -> str:
        transaction = secrets.token_hex(8)
        identity: dict[str, Any] = {"transaction": transaction}
        if self._session:
            identity["session_id"] = self._session
        if self._handle:
            identity["handle_id"] = self._handle
        await self._socket.send_json({**identity, **request})
        return transaction

    async def _until(self, fits: Any, what: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                async for message in self._socket:
                    reply: dict[str, Any] = message.json()
                    if fits(reply):
                        return reply
                    if reply.get("janus") == "error":
                        raise ServerError(f"Janus answered {reply['error']}")
        except TimeoutError:
            raise ServerError(f"no {what!r} from Janus in {_WAIT_SECONDS:.0f} s") from None
        raise ServerError(f"Janus closed the socket before {what!r}")

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEPALIVE_SECONDS)
            await self._send({"janus": "keepalive"})


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/janus/plugins/libjanus_videoroom.so"))
    if not found:
        raise BenchError("Janus' videoroom plugin is not installed: run as root, or install janus")
    return found[0].parent.parent


def ensure_installed() -> None:
    """Install Debian's Janus where it is missing, without letting Debian start it as a service.

    Raises:
        BenchError: it is missing and cannot be installed here.
    """
    if shutil.which("janus"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BenchError("Janus is missing: install Debian's package `janus`, its service stopped")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        policy.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "--no-install-recommends", "janus"]
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    finally:
        if ours:
            policy.unlink()
    if done.returncode:
        raise BenchError(f"apt-get could not install janus: {done.stderr[-500:]}")
