"""Relay's media pod as one process: assigned over its control port, joined over signalling v1."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.errors import ServerError
from bench.load.description import (
    VIDEO_PT,
    publish_offer,
    read_offer,
    read_remote,
    subscribe_answer,
)
from bench.load.endpoint import Endpoint
from bench.processes import Process
from bench.servers.ports import free_ports

_WAIT_SECONDS = 15.0


class Relay:
    """`python -m relay_media` on one address, with keys made here."""

    name = "Relay"

    def __init__(self, *, host: str) -> None:
        self._host = host
        self._hall_uid = secrets.token_hex(16)
        self._pod_uid = secrets.token_hex(16)
        self._operator = Ed25519PrivateKey.generate()
        self._gateway = Ed25519PrivateKey.generate()
        self._signalling, self._control = free_ports(2, host=host)
        (self._media,) = free_ports(1, host=host, kind=socket.SOCK_DGRAM)
        self._session: aiohttp.ClientSession | None = None
        self._joined = 0
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, *, folder: Path, core: int | None) -> None:
        """Start it idle, then assign a hall of 100 places."""
        await self.start_idle(folder=folder, core=core)
        await self.assign()

    async def start_idle(self, *, folder: Path, core: int | None) -> None:
        """Start it and wait for its ports."""
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("RELAY_")},
            "RELAY_POD_NAME": "bench",
            "RELAY_POD_UID": self._pod_uid,
            "RELAY_POD_IP": self._host,
            "RELAY_BIND": self._host,
            "RELAY_OPERATOR_PUBLIC_KEY": _public(self._operator),
            "RELAY_GATEWAY_PUBLIC_KEY": _public(self._gateway),
            "RELAY_SIGNALLING_PORT": str(self._signalling),
            "RELAY_CONTROL_PORT": str(self._control),
            "RELAY_MEDIA_PORT": str(self._media),
            "RELAY_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "relay_media"]
        self.process = Process(command, log=folder / "relay.log", env=env, core=core)
        self._session = aiohttp.ClientSession()
        deadline = time.monotonic() + _WAIT_SECONDS
        while not await self._ready():
            self.process.check()
            if time.monotonic() > deadline:
                raise ServerError(f"relay_media is not ready:\n{self.process.tail()}")
            await asyncio.sleep(0.1)

    async def publish(self, endpoint: Endpoint, *, ssrc: int, rtx_ssrc: int) -> None:
        client = await self._join()
        sdp = publish_offer(endpoint.own, ssrc=ssrc, rtx_ssrc=rtx_ssrc)
        track = {"mid": "0", "source": "camera", "muted": False}
        await client.send_json(
            {"type": "offer", "pc": "publish", "id": 1, "sdp": sdp, "tracks": [track]}
        )
        answer = await _expect(client, "answer")
        await endpoint.connect(read_remote(answer["sdp"], host=self._host))
        self._keep(client)

    async def subscribe(self, endpoint: Endpoint) -> int:
        client = await self._join()
        offer = await _expect(client, "offer")
        answer = subscribe_answer(endpoint.own, offer["sdp"])
        await client.send_json(
            {"type": "answer", "pc": "subscribe", "id": offer["id"], "sdp": answer}
        )
        await endpoint.connect(read_remote(offer["sdp"], host=self._host))
        self._keep(client)
        videos = [media for media in read_offer(offer["sdp"]) if media.kind == "video"]
        return videos[0].payload_types[0] if videos else VIDEO_PT

    def _keep(self, client: aiohttp.ClientWebSocketResponse) -> None:
        """Go on reading the socket: one that answers no ping loses its place after a while."""
        self._readers.append(asyncio.create_task(_drain(client)))

    async def stop(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        self.process.stop()

    async def _ready(self) -> bool:
        try:
            async with self._http.get(f"http://{self._host}:{self._control}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def assign(self) -> None:
        now = int(time.time())
        claims = {
            "iss": "relay-operator",
            "aud": self._hall_uid,
            "pod": self._pod_uid,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        token = jwt.encode(
            claims, self._operator, algorithm="EdDSA", headers={"typ": "relay-control+jwt"}
        )
        body = {
            "hall_uid": self._hall_uid,
            "hall_id": "h_00000000000000000000",
            "namespace": "bench",
            "name": "bench",
            "display_name": "bench",
            "max_participants": 100,
            "codecs": ["opus", "VP8", "H264"],
        }
        url = f"http://{self._host}:{self._control}/assign"
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.post(url, json=body, headers=headers) as response:
            if response.status != 200:
                raise ServerError(f"assign answered {response.status}: {await response.text()}")

    async def _join(self) -> aiohttp.ClientWebSocketResponse:
        """Connect with the gateway's assertion and wait for `welcome`."""
        self._joined += 1
        identity, now = f"bench-{self._joined}", int(time.time())
        claims = {
            "iss": "relay-gateway",
            "aud": self._hall_uid,
            "sub": identity,
            "name": identity,
            "role": "participant",
            "iat": now,
            "exp": now + 30,
            "jti": secrets.token_hex(8),
        }
        token = jwt.encode(
            claims, self._gateway, algorithm="EdDSA", headers={"typ": "relay-gateway+jwt"}
        )
        client = await self._http.ws_connect(
            f"ws://{self._host}:{self._signalling}/rtc",
            headers={"Authorization": f"Bearer {token}"},
        )
        join = {"type": "join", "v": 1, "session": secrets.token_hex(16), "resume": False}
        await client.send_json(join)
        await _expect(client, "welcome")
        return client

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise ServerError("start the server first")
        return self._session


async def _drain(client: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in client:
        pass


async def _expect(client: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of that type; notices of other kinds are passed over."""
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            async for message in client:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                data: dict[str, Any] = message.json()
                if data.get("type") == kind:
                    return data
                if data.get("type") in ("error", "bye"):
                    raise ServerError(f"waiting for {kind!r}, the pod said {data}")
    except TimeoutError:
        raise ServerError(f"no {kind!r} within {_WAIT_SECONDS:.0f} s") from None
    raise ServerError(f"the socket closed ({client.close_code}) before {kind!r}")


def _public(key: Ed25519PrivateKey) -> str:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()
