"""The real operator process, the real API server, and stand-ins for what runs on a node."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from api.operator.cluster import RELAY, Cluster
from api.operator.kubelet import Kubelet
from api.operator.media_pods import MediaPod, MediaPods
from api.operator.proxy import ApiProxy
from relay_operator.keys import public_pem

T = TypeVar("T")


async def eventually(
    read: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, seconds: float = 20
) -> T:
    """Read until it holds, and return what was read then."""
    deadline = time.monotonic() + seconds
    while True:
        found = await read()
        if holds(found):
            return found
        assert time.monotonic() < deadline, f"after {seconds} s: {found}"
        await asyncio.sleep(0.02)


class Stage:
    """A namespace with a class and a plan of its own, and the operator that serves it."""

    def __init__(
        self,
        *,
        namespace: str,
        cluster: Cluster,
        media: MediaPods,
        kubelet: Kubelet,
        proxy: ApiProxy,
        folder: Path,
    ) -> None:
        self.namespace = namespace
        self.cluster = cluster
        self.media = media
        self.kubelet = kubelet
        self.proxy = proxy
        self.env: dict[str, str] = {}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._health = ""

    async def prepare(self, *, max_participants: int = 20) -> None:
        body = {"apiVersion": "relay.dev/v1beta1"}
        made = {"metadata": {"name": self.namespace}}
        await self.cluster.create(
            f"{RELAY}/hallclasses", body | made | {"kind": "HallClass", "spec": self.hall_class}
        )
        plan = {"maxParticipants": max_participants}
        await self.cluster.create(f"{RELAY}/plans", body | made | {"kind": "Plan", "spec": plan})
        await self.cluster.create(
            f"{RELAY}/namespaces/{self.namespace}/accounts",
            body
            | {"metadata": {"name": "default"}, "kind": "Account"}
            | {"spec": {"planName": self.namespace}},
        )

    @property
    def hall_class(self) -> dict[str, Any]:
        return self.kubelet.hall_class

    async def clear(self) -> None:
        await self.stop()
        for kind in ("hallclasses", "plans"):
            await self.cluster.delete(f"{RELAY}/{kind}/{self.namespace}")
        listed = await self.cluster.get(self.path())
        for hall in listed["items"]:
            if hall["metadata"].get("finalizers"):
                # Gone by itself meanwhile is as good.
                await self.cluster.send(
                    "PATCH",
                    self.path(hall["metadata"]["name"]),
                    {"metadata": {"finalizers": []}},
                    kind="application/merge-patch+json",
                )

    async def start(self, *, ready: bool = True) -> None:
        """Start the operator as its own process, through the counting proxy."""
        config = self._folder / "kubeconfig.json"
        config.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {"server": self.proxy.url}}],
                    "users": [{"name": "u", "user": {}}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        env = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(config),
            "RELAY_CONTROL_KEY_FILE": str(self._folder / "control.pem"),
            "RELAY_GATEWAY_CERT_FILE": str(self._folder / "gateway.crt"),
            "RELAY_NAMESPACES": self.namespace,
            "RELAY_HEALTH_PORT": "0",
            "RELAY_MEDIA_CONTROL_PORT": str(self.media.port),
        }
        log = self.log_file.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "relay_operator", env=env | self.env, stdout=log, stderr=log
        )
        log.close()
        offset = len(self._logged)
        port = await eventually(self._port(offset), lambda found: found is not None)
        self._health = f"http://127.0.0.1:{port}"
        if ready:
            await eventually(lambda: self.probe("readyz"), lambda found: found[0] == 200)

    async def stop(self, *, kill: bool = False) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill() if kill else process.terminate()
            async with asyncio.timeout(20):
                code = await process.wait()
            assert kill or code == 0, self.log_file.read_text()[-4000:]
        self._logged = self.log_file.read_text() if self.log_file.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log_file(self) -> Path:
        return self._folder / "operator.log"

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    async def probe(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._health}/{path}") as response,
        ):
            return response.status, await response.text()

    async def metric(self, pattern: str) -> float:
        _, text = await self.probe("metrics")
        found = re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in found)

    def path(self, name: str = "") -> str:
        return f"{RELAY}/namespaces/{self.namespace}/halls{'/' + name if name else ''}"

    async def apply(
        self, name: str, *, annotations: dict[str, str] | None = None, **spec: Any
    ) -> dict[str, Any]:
        return await self.cluster.create(
            self.path(),
            {
                "apiVersion": "relay.dev/v1beta1",
                "kind": "Hall",
                "metadata": {"name": name, "annotations": annotations or {}},
                "spec": {"className": self.namespace} | spec,
            },
        )

    async def hall(self, name: str) -> dict[str, Any] | None:
        status, found = await self.cluster.send("GET", self.path(name))
        return found if status == 200 else None

    async def pods(self) -> list[dict[str, Any]]:
        return list((await self.cluster.get(self.kubelet.pods_path()))["items"])

    async def until(self, name: str, reason: str | None, *, seconds: float = 20) -> dict[str, Any]:
        """Wait until the Hall's Ready condition has this reason; ``None``: until it is gone."""
        found = await eventually(
            lambda: self.hall(name),
            lambda hall: hall is None if reason is None else reason_of(hall) == reason,
            seconds=seconds,
        )
        return found or {}

    def media_of(self, hall: dict[str, Any]) -> MediaPod:
        """The pod that serves the hall now."""
        return self.media.by_ip[hall["status"]["endpoint"]]

    def _port(self, offset: int) -> Callable[[], Awaitable[int | None]]:
        async def read() -> int | None:
            assert self._process is not None
            text = self.log_file.read_text()[offset:]
            assert self._process.returncode is None, text
            found = re.search(r'"health_port": (\d+)', text)
            return int(found[1]) if found else None

        return read

    _logged = ""


def reason_of(hall: dict[str, Any] | None) -> str | None:
    for condition in ((hall or {}).get("status") or {}).get("conditions", []):
        if condition["type"] == "Ready":
            return str(condition["reason"])
    return None


@pytest.fixture
async def stage(namespace: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Everything but the operator itself: ``await stage.start()`` starts that."""
    key = Ed25519PrivateKey.generate()
    _write_keys(tmp_path, key)
    async with contextlib.AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster())
        media = await stack.enter_async_context(MediaPods(public_pem(key)))
        kubelet = await stack.enter_async_context(Kubelet(cluster, media, namespace))
        proxy = await stack.enter_async_context(ApiProxy(cluster))
        made = Stage(
            namespace=namespace,
            cluster=cluster,
            media=media,
            kubelet=kubelet,
            proxy=proxy,
            folder=tmp_path,
        )
        stack.push_async_callback(made.clear)
        await made.prepare()
        yield made


def _write_keys(folder: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "control.pem").write_bytes(pem)
    gateway = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay-gateway")])
    start = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(gateway.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(gateway, None)
    )
    (folder / "gateway.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
