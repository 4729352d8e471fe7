"""A real media pod's process, assigned over its control port as the operator would."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from browser.waiting import until


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What the operator and the gateway sign with."""

    operator: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate, repr=False)
    gateway: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate, repr=False)


@dataclass(frozen=True, kw_only=True)
class TestHall:
    """The Hall object that the pod is told about."""

    __test__ = False

    hall_id: str
    name: str = "Weekly planning"
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    max_participants: int = 10


def _public(key: Ed25519PrivateKey) -> str:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MediaPod:
    """``python -m relay_media`` on loopback."""

    def __init__(self, *, keys: Keys, hall: TestHall, log: Path) -> None:
        self.keys = keys
        self.hall = hall
        self.uid = str(uuid.uuid4())
        self.media_port = free_port(socket.SOCK_DGRAM)
        self.signalling_port = free_port(socket.SOCK_STREAM)
        self.control_port = free_port(socket.SOCK_STREAM)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.signalling_port}/rtc"

    async def start(self, *, own_address: str = "127.0.0.1", advertised: str = "") -> None:
        """Start, wait until its ports are open, and assign it to the hall."""
        environ = {
            **os.environ,
            "RELAY_POD_NAME": "pod",
            "RELAY_POD_UID": self.uid,
            "RELAY_POD_IP": own_address,
            "RELAY_OPERATOR_PUBLIC_KEY": _public(self.keys.operator),
            "RELAY_GATEWAY_PUBLIC_KEY": _public(self.keys.gateway),
            "RELAY_ADVERTISED_ADDRESSES": advertised,
            "RELAY_BIND": "127.0.0.1",
            "RELAY_MEDIA_PORT": str(self.media_port),
            "RELAY_SIGNALLING_PORT": str(self.signalling_port),
            "RELAY_CONTROL_PORT": str(self.control_port),
        }
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "relay_media", env=environ, stdout=log, stderr=log
            )
        await until(self._ready, f"the pod's ports are open (log: {self._log})")
        await self.control("POST", "/assign", self._assignment())

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A signed request of the operator's."""
        now = int(time.time())
        claims = {
            "iss": "relay-operator",
            "aud": self.hall.uid,
            "pod": self.uid,
            "iat": now,
            "exp": now + 30,
            "jti": secrets.token_hex(8),
        }
        token = jwt.encode(
            claims, self.keys.operator, algorithm="EdDSA", headers={"typ": "relay-control+jwt"}
        )
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.request(
                method, f"http://127.0.0.1:{self.control_port}{path}", json=body
            ) as answer,
        ):
            text = await answer.text()
            assert answer.status == 200, f"{path} answered {answer.status}: {text}"
            return dict(await answer.json())

    async def participants(self) -> int:
        return int((await self.control("GET", "/status"))["participants"])

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """As if its node had lost power."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.kill()
        await self._process.wait()

    async def terminate(self) -> None:
        """As the kubelet does; the pod says goodbye first."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 15)

    def _assignment(self) -> dict[str, object]:
        return {
            "hall_uid": self.hall.uid,
            "hall_id": self.hall.hall_id,
            "namespace": "relay-halls",
            "name": self.hall.hall_id.replace("_", "-"),
            "display_name": self.hall.name,
            "max_participants": self.hall.max_participants,
            "codecs": ["opus", "VP8", "H264"],
        }

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, f"the pod ended; its log is {self._log}"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.control_port}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False
