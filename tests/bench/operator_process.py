"""The real operator as a process of ours, in front of a counting proxy to the real API server."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
import sys
import time
from pathlib import Path

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.errors import ServerError
from bench.processes import Process

_READY_SECONDS = 60.0


class OperatorProcess:
    """Serves one namespace; ``api`` is the proxy's address, ``control_port`` the pods'."""

    def __init__(self, *, folder: Path, api: str, namespace: str, control_port: int) -> None:
        self._folder = folder
        self.key = Ed25519PrivateKey.generate()
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "control.pem").write_bytes(pem)
        (folder / "gateway.crt").write_bytes(_certificate())
        (folder / "kubeconfig.json").write_text(_kubeconfig(api), encoding="utf-8")
        self._env = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(folder / "kubeconfig.json"),
            "RELAY_CONTROL_KEY_FILE": str(folder / "control.pem"),
            "RELAY_GATEWAY_CERT_FILE": str(folder / "gateway.crt"),
            "RELAY_NAMESPACES": namespace,
            "RELAY_HEALTH_PORT": "0",
            "RELAY_MEDIA_CONTROL_PORT": str(control_port),
            "RELAY_LOG_LEVEL": "INFO",
        }

    async def start(self) -> None:
        """Start it and wait for /readyz.

        Raises:
            ServerError: it ended, or was not ready in time.
        """
        command = [sys.executable, "-m", "relay_operator"]
        self.process = Process(command, log=self._folder / "operator.log", env=self._env)
        deadline = time.monotonic() + _READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while not await self._ready(session):
                self.process.check()
                if time.monotonic() > deadline:
                    raise ServerError(f"the operator is not ready:\n{self.process.tail()}")
                await asyncio.sleep(0.2)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        found = re.search(r'"health_port": (\d+)', self.process.log.read_text(errors="replace"))
        if found is None:
            return False
        try:
            async with session.get(f"http://127.0.0.1:{found[1]}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False


def _kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def _certificate() -> bytes:
    """The gateway's self-signed certificate: the operator hands its key to the pods."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay-gateway")])
    start = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, None)
    )
    return certificate.public_bytes(Encoding.PEM)
