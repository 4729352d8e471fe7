"""A real media pod process, and the operator's side of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def public_pem(key: Ed25519PrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@dataclass(kw_only=True)
class Pod:
    """Addresses and keys of one running pod."""

    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    signalling_port: int
    control_port: int
    media_port: int
    operator_key: Ed25519PrivateKey
    gateway_key: Ed25519PrivateKey
    log_path: Path
    uid: str = "pod-uid-1"
    hall_uid: str = "hall-uid-1"
    started: float = field(default_factory=time.monotonic)

    def control_token(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": "relay-operator",
            "aud": self.hall_uid,
            "pod": self.uid,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        } | changes
        return jwt.encode(
            {k: v for k, v in claims.items() if v is not None},
            self.operator_key,
            algorithm="EdDSA",
            headers={"typ": "relay-control+jwt"},
        )

    def gateway_token(self, identity: str, role: str = "participant", **changes: Any) -> str:
        claims = {
            "iss": "relay-gateway",
            "aud": self.hall_uid,
            "sub": identity,
            "name": identity.title(),
            "role": role,
            "exp": int(time.time()) + 30,
            "jti": secrets.token_hex(8),
        } | changes
        return jwt.encode(
            claims, self.gateway_key, algorithm="EdDSA", headers={"typ": "relay-gateway+jwt"}
        )

    async def control(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        params: Mapping[str, str | int | float] | None = None,
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.control_token()}"}
        async with self.http.request(
            method,
            f"http://127.0.0.1:{self.control_port}{path}",
            json=body,
            headers=headers,
            params=params,
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def assign(self, *, cap: int = 10, **changes: Any) -> tuple[int, Any]:
        body = {
            "hall_uid": self.hall_uid,
            "hall_id": "h_01j0000000abcdefghjk",
            "namespace": "relay-halls",
            "name": "demo",
            "display_name": "Demo",
            "max_participants": cap,
            "codecs": ["opus", "VP8", "H264"],
        } | changes
        return await self.control("POST", "/assign", body)

    async def status(self) -> dict[str, Any]:
        status, body = await self.control("GET", "/status")
        assert status == 200, body
        return dict(body)

    async def events(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        status, body = await self.control("GET", "/events", params={"after": after, "wait": wait})
        assert status == 200, body
        return list(body["events"])

    async def until_status(self, seconds: float = 10, **expected: Any) -> dict[str, Any]:
        """Wait until the status has the expected values."""
        deadline = time.monotonic() + seconds
        while True:
            status = await self.status()
            if all(status[key] == value for key, value in expected.items()):
                return status
            assert time.monotonic() < deadline, (expected, status)
            await asyncio.sleep(0.02)

    async def metrics(self) -> dict[str, float]:
        url = f"http://127.0.0.1:{self.control_port}/metrics"
        async with self.http.get(url) as response:
            lines = (await response.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def memory_kib(self, field_: str = "VmRSS") -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(field_))

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), 15)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise


def environment(
    operator_pem: str, gateway_pem: str, *, signalling: int, control: int, media: int
) -> dict[str, str]:
    return {
        **os.environ,
        "RELAY_POD_NAME": "demo",
        "RELAY_POD_UID": "pod-uid-1",
        "RELAY_POD_IP": "127.0.0.1",
        "RELAY_BIND": "127.0.0.1",
        "RELAY_OPERATOR_PUBLIC_KEY": operator_pem,
        "RELAY_GATEWAY_PUBLIC_KEY": gateway_pem,
        "RELAY_SIGNALLING_PORT": str(signalling),
        "RELAY_CONTROL_PORT": str(control),
        "RELAY_MEDIA_PORT": str(media),
    }


@contextlib.asynccontextmanager
async def running_pod(log_path: Path) -> AsyncIterator[Pod]:
    """Start ``python -m relay_media`` and wait until it is ready; end it afterwards."""
    operator_key, gateway_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    ports = {
        "signalling": free_port(),
        "control": free_port(),
        "media": free_port(socket.SOCK_DGRAM),
    }
    # A key that is being rotated out stands before the one in use.
    retired = public_pem(Ed25519PrivateKey.generate())
    env = environment(retired + public_pem(operator_key), public_pem(gateway_key), **ports)
    started = time.monotonic()
    with log_path.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "relay_media",
            env=env,
            stdout=output,
            stderr=output,
        )
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        pod = Pod(
            process=process,
            http=http,
            signalling_port=ports["signalling"],
            control_port=ports["control"],
            media_port=ports["media"],
            operator_key=operator_key,
            gateway_key=gateway_key,
            log_path=log_path,
            started=started,
        )
        try:
            await _until_ready(pod)
            yield pod
        finally:
            await pod.stop()


async def _until_ready(pod: Pod) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert pod.process.returncode is None, pod.log_path.read_text()
        assert time.monotonic() < deadline, pod.log_path.read_text()
        with contextlib.suppress(aiohttp.ClientConnectionError):
            url = f"http://127.0.0.1:{pod.control_port}/readyz"
            async with pod.http.get(url) as response:
                if response.status == 200:
                    return
        await asyncio.sleep(0.01)
