"""The shim as it is deployed: its own process, its mounted Secrets, a real API server."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from conftest import kubectl
from relay_api.credentials.keys import RANDOM_BYTES, Mode, digest_of, make_key, read_key

START_SECONDS = 90.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks TLS to the shim, and reading the system's authorities takes its time."""


@dataclass(kw_only=True)
class Install:
    """What the chart would mount: folders of Secrets, and the plain values to check against."""

    folder: Path
    signing: bytes = field(default_factory=lambda: secrets.token_hex(32).encode())
    turn: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    gateway_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def write(self) -> None:
        for name in ("keys", "signing", "gateway", "turn"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "signing" / "current").write_bytes(self.signing)
        (self.folder / "turn" / "secret").write_bytes(self.turn)
        pem = self.gateway_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "gateway" / "tls.key").write_bytes(pem)

    def add_key(self, namespace: str, mode: Mode = Mode.LIVE) -> str:
        key = make_key(secrets.token_bytes(RANDOM_BYTES), mode)
        entry = {"sha256": digest_of(key), "namespace": namespace, "name": "test"}
        path = self.folder / "keys" / read_key(key).key_id
        fresh = self.folder / f".{path.name}"
        fresh.write_text(json.dumps(entry))
        fresh.replace(path)
        return key

    def remove_key(self, key: str) -> None:
        (self.folder / "keys" / read_key(key).key_id).unlink()

    @property
    def gateway_public_pem(self) -> bytes:
        return self.gateway_key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def environ(self, port: int, health_port: int, **extra: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RELAY_")}
        return {
            **kept,
            "RELAY_API_KEYS_DIR": str(self.folder / "keys"),
            "RELAY_SIGNING_SECRET_FILE": str(self.folder / "signing"),
            "RELAY_GATEWAY_KEY_FILE": str(self.folder / "gateway" / "tls.key"),
            "RELAY_TURN_SECRET_FILE": str(self.folder / "turn" / "secret"),
            "RELAY_TURN_URLS": "turn:turn.test:3478",
            "RELAY_BIND": "127.0.0.1",
            "RELAY_PORT": str(port),
            "RELAY_HEALTH_PORT": str(health_port),
            "RELAY_DRAIN_SECONDS": "0",
            # The client writes a kubeconfig's keys to files, which a killed process leaves.
            "TMPDIR": str(self.folder),
            **extra,
        }


class Shim:
    """One running process, and a client that carries a key of one namespace."""

    def __init__(self, install: Install, api_key: str, log: Path, **environ: str) -> None:
        self.install = install
        self.port, self.health_port = free_port(), free_port()
        self.log = log
        self.environ = environ
        self.process: subprocess.Popen[bytes] | None = None
        self.use_key(api_key)

    def use_key(self, api_key: str) -> None:
        self.api_key = api_key
        self.client = self.client_of(api_key)

    def client_of(self, api_key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            trust_env=False,
            verify=NO_TLS,
            timeout=20,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}"

    def start(self, *, ready: bool = True) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "relay_api"],
                env=self.install.environ(self.port, self.health_port, **self.environ),
                stderr=log,
            )
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        self.wait_for("/readyz")

    def wait_for(self, path: str, status: int = 200) -> None:
        """Wait until a probe answers so; the process must live meanwhile."""
        assert self.process is not None
        pause = threading.Event()
        for _ in range(int(START_SECONDS / 0.05)):
            assert self.process.poll() is None, self.log.read_text()
            if self.probe(path) == status:
                return
            pause.wait(0.05)
        pytest.fail(f"{path} was not {status} within {START_SECONDS} s: {self.log.read_text()}")

    def probe(self, path: str) -> int:
        try:
            return self.health(path).status_code
        except httpx.TransportError:
            return 0

    def health(self, path: str) -> httpx.Response:
        return httpx.get(self.health_url + path, trust_env=False, verify=NO_TLS, timeout=5)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def logs(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def create(self, **body: object) -> str:
        response = await self.client.post("/v1/halls", json={"name": "Standup", **body})
        assert response.status_code == 201, response.text
        return str(response.json()["hall_id"])


async def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition, plain or awaitable, and fail with its name after the deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        met = condition()
        if asyncio.iscoroutine(met):
            met = await met
        if met:
            return
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def apply(manifest: dict[str, object], *arguments: str) -> None:
    kubectl("apply", *arguments, "-f", "-", stdin=json.dumps(manifest))


def hall_manifest(namespace: str, name: str, **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "relay.dev/v1beta1",
        "kind": "Hall",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


async def names(shim: Shim) -> list[str]:
    """The names of the halls that a list shows."""
    return [found["name"] for found in (await shim.client.get("/v1/halls")).json()]


def put_on_plan(namespace: str, plan: str) -> None:
    """Give a namespace its Account."""
    apply(
        {
            "apiVersion": "relay.dev/v1beta1",
            "kind": "Account",
            "metadata": {"name": "default", "namespace": namespace},
            "spec": {"planName": plan},
        }
    )


def set_status(namespace: str, name: str, status: dict[str, object]) -> None:
    """Write a Hall's status as the operator would."""
    patch = json.dumps({"status": status})
    kubectl(
        "patch", "halls", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch
    )
