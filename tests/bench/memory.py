"""What stands idle costs: memory of a media pod, memory and API calls of the operator."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from api.operator.cluster import MERGE, RELAY, Cluster
from api.operator.kubelet import Kubelet
from api.operator.media_pods import MediaPods
from api.operator.proxy import ApiProxy
from bench.errors import BenchError
from bench.halls import create_all, fresh_name, is_ready, manifest, path, remove_all
from bench.installed_operator import put_aside
from bench.machine import describe
from bench.operator_process import OperatorProcess
from bench.place import need_kubeconfig
from bench.processes import Memory, cpu_seconds, memory
from bench.progress import say
from bench.report import Outcome, Table
from bench.servers.relay import Relay
from relay_operator.keys import public_pem

_SETTLE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Seconds of each idle window: the longer, the steadier the figures per minute."""

    halls: int = 1000
    pod_seconds: float = 10.0
    operator_seconds: float = 180.0
    with_operator: bool = True


@dataclass(frozen=True, kw_only=True)
class Idle:
    """One process over an idle window."""

    memory: Memory
    seconds: float
    cpu_seconds: float
    api_calls: dict[str, int]

    @property
    def cpu_share(self) -> float:
        return self.cpu_seconds / self.seconds

    @property
    def calls_per_minute(self) -> float:
        return sum(self.api_calls.values()) * 60 / self.seconds


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The operator's way to N assigned halls: seconds, and what it asked of the API server."""

    seconds: float
    api_calls: dict[str, int]


def run(options: Options) -> Outcome:
    """Measure and tabulate; the operator's part needs a cluster.

    Raises:
        BenchError: no cluster is named, or a process does not come up.
    """
    pods = asyncio.run(_media_pod(options))
    operator: dict[str, Idle] = {}
    growth = None
    if options.with_operator:
        need_kubeconfig()
        operator, growth = asyncio.run(_operator(options))
    return Outcome(
        table=tabulate(pods, operator, growth, options),
        raw={
            "benchmark": "memory",
            "machine": describe().as_dict(),
            "options": asdict(options),
            "media_pod": {name: asdict(idle) for name, idle in pods.items()},
            "operator": {name: asdict(idle) for name, idle in operator.items()},
            "growth": asdict(growth) if growth else None,
        },
    )


async def _media_pod(options: Options) -> dict[str, Idle]:
    """The pod's process as it starts, and again when it serves a hall that nobody is in."""
    server = Relay(host="127.0.0.1")
    out = {}
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
        try:
            await server.start_idle(folder=Path(folder), core=None)
            out["idle"] = await _idle(server.process.pid, options.pod_seconds)
            await server.assign()
            out["assigned"] = await _idle(server.process.pid, options.pod_seconds)
        finally:
            await server.stop()
    say(f"media pod: {out['idle'].memory.rss / 1e6:.1f} MB idle")
    return out


async def _idle(pid: int, seconds: float, proxy: ApiProxy | None = None) -> Idle:
    calls = len(proxy.seen) if proxy else 0
    began, cpu = time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    return Idle(
        memory=memory(pid),
        seconds=time.monotonic() - began,
        cpu_seconds=cpu_seconds(pid) - cpu,
        api_calls=_count(proxy, calls),
    )


def _count(proxy: ApiProxy | None, since: int) -> dict[str, int]:
    return dict(Counter(seen.kind for seen in proxy.seen[since:]).most_common()) if proxy else {}


async def _operator(options: Options) -> tuple[dict[str, Idle], Growth]:
    """The operator with no hall, then with ``options.halls`` assigned and empty ones."""
    # When the operator ends it hangs up on every long poll, each of which would be a traceback.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    namespace = fresh_name("memory")
    async with Cluster() as cluster, put_aside(cluster), _namespace(cluster, namespace):
        with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
            media = MediaPods("")
            async with media, ApiProxy(cluster) as proxy:
                operator = OperatorProcess(
                    folder=Path(folder),
                    api=proxy.url,
                    namespace=namespace,
                    control_port=media.port,
                )
                media._public_key = public_pem(operator.key)
                async with Kubelet(cluster, media, namespace) as kubelet:
                    return await _grow(options, cluster, kubelet, proxy, operator, namespace)


async def _grow(
    options: Options,
    cluster: Cluster,
    kubelet: Kubelet,
    proxy: ApiProxy,
    operator: OperatorProcess,
    namespace: str,
) -> tuple[dict[str, Idle], Growth]:
    out: dict[str, Idle] = {}
    try:
        await _prepare(cluster, kubelet, namespace)
        await operator.start()
        try:
            await asyncio.sleep(2)
            out["no halls"] = await _idle(operator.process.pid, options.pod_seconds, proxy)
            say(f"creating {options.halls} halls")
            calls, began = len(proxy.seen), time.monotonic()
            halls = (
                manifest(fresh_name("memory"), className=namespace, idlePolicy="Keep")
                for _ in range(options.halls)
            )
            await create_all(cluster, namespace, halls)
            await _until_ready(cluster, namespace, options.halls)
            growth = Growth(seconds=time.monotonic() - began, api_calls=_count(proxy, calls))
            say(f"all Ready after {growth.seconds:.0f} s")
            await asyncio.sleep(_SETTLE_SECONDS)
            name = f"{options.halls:,} halls"
            out[name] = await _idle(operator.process.pid, options.operator_seconds, proxy)
            say(f"{name}: {out[name].memory.rss / 1e6:.0f} MB, {out[name].api_calls}")
            await remove_all(cluster, namespace)
        finally:
            operator.process.stop()
    finally:
        await _release(cluster, namespace)
    return out, growth


async def _until_ready(cluster: Cluster, namespace: str, count: int) -> None:
    try:
        async with asyncio.timeout(60 + count):
            while True:
                halls = (await cluster.get(path(namespace)))["items"]
                waiting = [hall for hall in halls if not is_ready(hall)]
                if len(halls) == count and not waiting:
                    return
                await asyncio.sleep(2)
    except TimeoutError:
        raise BenchError(
            f"{len(waiting)} of {count} halls are not Ready; one of them: "
            f"{waiting[0].get('status') if waiting else 'gone'}"
        ) from None


async def _prepare(cluster: Cluster, kubelet: Kubelet, namespace: str) -> None:
    """A class whose pods come to the stand-in, a plan and an account of this run's own."""
    body = {"apiVersion": "relay.dev/v1beta1", "metadata": {"name": namespace}}
    made = {"kind": "HallClass", "spec": kubelet.hall_class}
    await cluster.create(f"{RELAY}/hallclasses", body | made)
    await cluster.create(f"{RELAY}/plans", body | {"kind": "Plan", "spec": {"maxParticipants": 50}})
    account = {"kind": "Account", "metadata": {"name": "default"}, "spec": {"planName": namespace}}
    await cluster.create(f"{RELAY}/namespaces/{namespace}/accounts", body | account)


async def _release(cluster: Cluster, namespace: str) -> None:
    """Take away what a failed run left: no operator is there any more to clear finalizers."""
    for kind in ("hallclasses", "plans"):
        await cluster.delete(f"{RELAY}/{kind}/{namespace}")
    for hall in (await cluster.get(path(namespace)))["items"]:
        address = path(namespace, hall["metadata"]["name"])
        await cluster.send("PATCH", address, {"metadata": {"finalizers": []}}, kind=MERGE)


@asynccontextmanager
async def _namespace(cluster: Cluster, name: str) -> AsyncIterator[None]:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.create("/api/v1/namespaces", body)
    try:
        yield
    finally:
        await cluster.delete(f"/api/v1/namespaces/{name}")


def tabulate(
    pods: dict[str, Idle], operator: dict[str, Idle], growth: Growth | None, options: Options
) -> Table:
    """One row per process and situation. Pure."""
    names = {"idle": "media pod, waiting for a hall", "assigned": "media pod, hall without people"}
    rows = [_row(names[key], idle, counted=False) for key, idle in pods.items()]
    rows += [_row(f"operator, {key}", idle, counted=True) for key, idle in operator.items()]
    notes = [
        "RSS and PSS of the whole process; CPU and API calls over an idle window of "
        f"{options.pod_seconds:.0f} s (pod) and {options.operator_seconds:.0f} s (operator). "
        "The pod's process runs outside of a container here, without any limit."
    ]
    if growth is not None:
        calls = ", ".join(f"{kind} ×{count}" for kind, count in growth.api_calls.items())
        notes += [
            "The operator is the real process against the real API server, scheduler and garbage "
            "collector. The pods are real objects bound to a node whose kubelet is simulated; one "
            "real HTTP server answers the control contract for all of them, each on its own "
            "127.x address. API calls are counted by a proxy between operator and API server; "
            "a watch counts once, when it is opened.",
            f"From nothing to {options.halls:,} Ready halls it took {growth.seconds:.0f} s and "
            f"{sum(growth.api_calls.values()):,} API calls ({calls}).",
        ]
    columns = ("process", "RSS", "PSS", "threads", "CPU", "API calls per minute")
    return Table(columns=columns, rows=tuple(rows), notes=tuple(notes))


def _row(name: str, idle: Idle, *, counted: bool) -> tuple[str, ...]:
    return (
        name,
        f"{idle.memory.rss / 1e6:.0f} MB",
        f"{idle.memory.pss / 1e6:.0f} MB",
        str(idle.memory.threads),
        f"{idle.cpu_share:.2%}",
        f"{idle.calls_per_minute:.1f}" if counted else "none",
    )
