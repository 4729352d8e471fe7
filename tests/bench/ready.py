"""Hall created → Ready, cold, image present: one hall after another, seen through watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from api.operator.cluster import Cluster
from bench.errors import BenchError
from bench.halls import fresh_name, is_ready, manifest, path, remove
from bench.machine import describe
from bench.place import need_kubeconfig
from bench.progress import say
from bench.report import Outcome, Table
from bench.summary import percentile

_READY_SECONDS = 60.0
_STAGES = (
    ("created", "the API server answered the create"),
    ("pod", "the operator's pod exists"),
    ("scheduled", "it is bound to a node"),
    ("running", "its container runs"),
    ("ready", "the Hall is Ready (assigned)"),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """``warm`` halls first, not counted: they bring the image's pages into memory."""

    namespace: str = "relay-halls"
    halls: int = 20
    warm: int = 3


@dataclass(kw_only=True)
class Timeline:
    """Seconds since just before the create request, by stage."""

    began: float = 0.0
    at: dict[str, float] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, stage: str) -> None:
        self.at.setdefault(stage, time.perf_counter() - self.began)


def run(options: Options) -> Outcome:
    """Measure and tabulate.

    Raises:
        BenchError: no cluster is named, or a Hall does not become Ready.
    """
    need_kubeconfig()
    timelines = asyncio.run(_measure(options))
    return Outcome(
        table=tabulate([timeline.at for timeline in timelines]),
        raw={
            "benchmark": "ready",
            "machine": describe().as_dict(),
            "options": asdict(options),
            "timelines": [timeline.at for timeline in timelines],
        },
    )


async def _measure(options: Options) -> list[Timeline]:
    lines: dict[str, Timeline] = {}
    async with Cluster() as cluster:
        watches = [
            asyncio.create_task(_watch_halls(cluster, options.namespace, lines)),
            asyncio.create_task(_watch_pods(cluster, options.namespace, lines)),
        ]
        try:
            for index in range(options.warm + options.halls):
                name = fresh_name("ready")
                await _one(cluster, options.namespace, name, lines)
                say(f"hall {index + 1}: Ready after {lines[name].at['ready']:.2f} s")
        finally:
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
    return list(lines.values())[options.warm :]


async def _one(cluster: Cluster, namespace: str, name: str, lines: dict[str, Timeline]) -> None:
    """Create one Hall, wait for it, and take it away, so that the next finds the same quiet."""
    hall = manifest(name, idlePolicy="Keep")
    line = lines[name] = Timeline(began=time.perf_counter())
    await cluster.create(path(namespace), hall)
    line.mark("created")
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await line.ready.wait()
    except TimeoutError:
        _, found = await cluster.send("GET", path(namespace, name))
        raise BenchError(f"Hall {name} is not Ready: {found.get('status')}") from None
    finally:
        await remove(cluster, namespace, name)


async def _watch_halls(cluster: Cluster, namespace: str, lines: dict[str, Timeline]) -> None:
    while True:
        async for _, hall in cluster.watch(path(namespace)):
            line = lines.get(hall.get("metadata", {}).get("name", ""))
            if line is not None and is_ready(hall):
                line.mark("ready")
                line.ready.set()


async def _watch_pods(cluster: Cluster, namespace: str, lines: dict[str, Timeline]) -> None:
    while True:
        async for _, pod in cluster.watch(f"/api/v1/namespaces/{namespace}/pods"):
            line = lines.get(pod.get("metadata", {}).get("labels", {}).get("relay.dev/hall", ""))
            if line is not None:
                _mark_pod(line, pod)


def _mark_pod(line: Timeline, pod: dict[str, Any]) -> None:
    line.mark("pod")
    if pod["spec"].get("nodeName"):
        line.mark("scheduled")
    containers = pod.get("status", {}).get("containerStatuses", [])
    if containers and all("running" in c.get("state", {}) for c in containers):
        line.mark("running")


def tabulate(timelines: Sequence[dict[str, float]]) -> Table:
    """p50 and p95 of each stage, in seconds since the create request. Pure."""
    rows = []
    for stage, meaning in _STAGES:
        values = [line[stage] for line in timelines if stage in line]
        if values:
            p50, p95 = percentile(values, 50), percentile(values, 95)
            cells = (meaning, f"{p50:.2f} s", f"{p95:.2f} s", f"{max(values):.2f} s")
            rows.append(cells if stage != "ready" else tuple(f"**{cell}**" for cell in cells))
    note = (
        f"{len(timelines)} halls one after another, each removed before the next; image present on "
        "every node, no warm pool: a pod is created for each hall. Times since just before the "
        "create request, as a watch on the API server saw them. Halls were created with the "
        "Kubernetes API, as kubectl does."
    )
    columns = ("since the Hall was created", "p50", "p95", "longest")
    return Table(columns=columns, rows=tuple(rows), notes=(note,))
