"""A node whose kubelet is this process, and media pods that are one real HTTP server.

The API server, scheduler, garbage collector and operator are real. Pods are bound to a node that
no kubelet serves; ``Kubelet`` reports their status as one would, and ``MediaPods`` answers on each
pod's own loopback address with the control contract, checking every token.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from relay_operator.cluster.access import Access, Connection

MERGE = "application/merge-patch+json"
RELAY = "/apis/relay.dev/v1beta1"
_addresses = itertools.count(1)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Cluster:
    """Requests to the real API server as its administrator; answers are (status, object)."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.connection: Connection | None = None

    async def __aenter__(self) -> Cluster:
        self.connection = await Access().connection()
        connector = aiohttp.TCPConnector(ssl=self.connection.ssl_context(), limit=200)
        headers = {"Authorization": f"Bearer {t}"} if (t := self.connection.token) else {}
        self._session = aiohttp.ClientSession(
            self.connection.server, connector=connector, headers=headers
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, path, data=data, headers={"Content-Type": kind}
        ) as response:
            return response.status, await response.json(content_type=None)

    async def get(self, path: str) -> dict[str, Any]:
        status, found = await self.send("GET", path)
        assert status == 200, found
        return found

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, made = await self.send("POST", path, body)
        assert status == 201, made
        return made

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, made = await self.send("PATCH", path, body, kind=MERGE)
        assert status == 200, made
        return made

    async def delete(self, path: str, **options: Any) -> int:
        status, _ = await self.send("DELETE", path, options or None)
        assert status in {200, 202, 404, 409}
        return status

    async def watch(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Events of a list path, from what is there now on."""
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, params={"watch": "1"}, timeout=timeout) as response:
            buffer = b""
            async for chunk in response.content.iter_any():
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]


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
        if claims["pod"] != pod.uid or (pod.hall and claims["aud"] != pod.hall["hall_uid"]):
            return "another pod or hall"
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


class Kubelet:
    """A node of its own, its heartbeat, and the status of the pods bound to it."""

    def __init__(self, cluster: Cluster, media: MediaPods, namespace: str) -> None:
        self.name = f"standin-{secrets.token_hex(4)}"
        self.starts = True
        self.confirms = True
        self.seen: dict[str, dict[str, Any]] = {}
        self.started: list[str] = []
        self._cluster = cluster
        self._media = media
        self._namespace = namespace
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Kubelet:
        await self._cluster.create(
            "/api/v1/nodes",
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": self.name, "labels": {"relay-test": self.name}},
                "spec": {"taints": [{"key": "relay-test", "effect": "NoSchedule"}]},
            },
        )
        await self._cluster.patch(
            f"/api/v1/nodes/{self.name}/status",
            {
                "status": {
                    "capacity": {"cpu": "9999", "memory": "9999Gi", "pods": "5000"},
                    "allocatable": {"cpu": "9999", "memory": "9999Gi", "pods": "5000"},
                    "conditions": [{"type": "Ready", "status": "True", "reason": "StandIn",
                                    "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
                }
            },
        )  # fmt: skip
        lease = {"holderIdentity": self.name, "leaseDurationSeconds": 40}
        await self._cluster.create(
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self.name, "namespace": "kube-node-lease"},
                "spec": lease | {"renewTime": _micro()},
            },
        )
        self._spawn(self._beat())
        self._spawn(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cluster.delete(f"/api/v1/nodes/{self.name}")

    @property
    def hall_class(self) -> dict[str, Any]:
        """The part of a HallClass that brings its pods here."""
        return {
            "image": "relay.invalid/media:none",
            "nodeSelector": {"relay-test": self.name},
            "tolerations": [{"key": "relay-test", "operator": "Exists"}],
            "terminationGracePeriodSeconds": 2,
        }

    def pods_path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self._namespace}/pods{'/' + name if name else ''}"

    async def fail(self, name: str, *, reason: str, code: int) -> None:
        """The pod's container has ended."""
        ended = {"terminated": {"reason": reason, "exitCode": code}}
        await self._report(name, {"phase": "Failed"}, ended, ready=False)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}"
        while True:
            await asyncio.sleep(8)
            await self._cluster.patch(path, {"spec": {"renewTime": _micro()}})

    async def _run(self) -> None:
        while True:
            async for kind, pod in self._cluster.watch(self.pods_path()):
                meta, spec = pod["metadata"], pod["spec"]
                if kind == "DELETED":
                    self.seen.pop(meta["name"], None)
                    continue
                if spec.get("nodeName") != self.name:
                    continue
                known = self.seen.get(meta["name"])
                self.seen[meta["name"]] = pod
                if meta.get("deletionTimestamp"):
                    if self.confirms:
                        self._spawn(self._end(meta["name"], meta["uid"]))
                elif self.starts and (known is None or known["metadata"]["uid"] != meta["uid"]):
                    self._spawn(self._start(meta["name"], meta["uid"]))

    async def _start(self, name: str, uid: str) -> None:
        ip = self._media.start(uid)
        self.started.append(name)
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
        await self._report(name, status, {"running": {"startedAt": now()}}, ready=True)

    async def _end(self, name: str, uid: str) -> None:
        await self._cluster.delete(
            self.pods_path(name), gracePeriodSeconds=0, preconditions={"uid": uid}
        )

    async def _report(
        self, name: str, status: dict[str, Any], state: dict[str, Any], *, ready: bool
    ) -> None:
        container = {
            "name": "media", "image": "none", "imageID": "none", "ready": ready,
            "restartCount": 0, "state": state,
        }  # fmt: skip
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now()}
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
        await self._cluster.send(
            "PATCH",
            self.pods_path(name) + "/status",
            {
                "status": status
                | {"containerStatuses": [container], "conditions": [scheduled, condition]}
            },
            kind=MERGE,
        )


def _micro() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
