"""A node whose kubelet is this process.

The API server, scheduler, garbage collector and operator are real. Pods are bound to a node that
no kubelet serves; ``Kubelet`` reports their status as one would.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

from api.operator.cluster import MERGE, Cluster
from api.operator.media_pods import MediaPods, now


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
