"""REST latency with 1,000 halls present, through the NodePort: create, read, list, delete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from api.operator.cluster import Cluster
from bench.errors import BenchError
from bench.halls import create_all, fresh_name, manifest, remove_all
from bench.machine import describe
from bench.place import Place, need_kubeconfig, read_place
from bench.progress import say
from bench.report import Outcome, Table
from bench.summary import percentile


@dataclass(frozen=True, kw_only=True)
class Options:
    """``present`` closed halls in the tenant's namespace while measuring."""

    present: int = 1000
    creates: int = 60
    lists: int = 300


def run(options: Options) -> Outcome:
    """Measure and tabulate.

    Raises:
        BenchError: no installed Relay is named, or it answers with anything but success.
    """
    need_kubeconfig()
    place = read_place()
    samples = asyncio.run(_measure(options, place))
    return Outcome(
        table=tabulate(samples, options),
        raw={
            "benchmark": "rest",
            "machine": describe().as_dict(),
            "options": asdict(options),
            "seconds": samples,
        },
    )


async def _measure(options: Options, place: Place) -> dict[str, list[float]]:
    async with Cluster() as cluster:
        say(f"creating {options.present} closed halls in {place.namespace}")
        closed = (
            manifest(fresh_name("rest"), displayName="bench", desiredState="Closed")
            for _ in range(options.present)
        )
        try:
            await create_all(cluster, place.namespace, closed)
            async with aiohttp.ClientSession(place.url, headers=place.headers) as session:
                await _until_listed(session)
                return await _requests(session, options)
        finally:
            say("removing them")
            await remove_all(cluster, place.namespace)


async def _until_listed(session: aiohttp.ClientSession) -> None:
    """Wait until the operator has closed them all: nothing else then happens to be measured."""
    async with asyncio.timeout(600):
        while True:
            halls = await _json(session, "GET", "/v1/halls?status=active&limit=100")
            waiting = [hall for hall in halls if hall["name"] == "bench"]
            if not waiting:
                return
            await asyncio.sleep(1)


async def _requests(session: aiohttp.ClientSession, options: Options) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {"create": [], "get": [], "delete": [], "list": []}
    for name in ("list", "list closed"):
        samples[name] = []
    say(f"{options.lists} lists of 100")
    for _ in range(options.lists):
        found = await _timed(samples["list"], session, "GET", "/v1/halls")
        if len(found) != 100:
            raise BenchError(f"the list holds {len(found)} halls, not 100")
        await _timed(samples["list closed"], session, "GET", "/v1/halls?status=closed")
    say(f"{options.creates} creates, each deleted again")
    for _ in range(options.creates):
        made = await _timed(samples["create"], session, "POST", "/v1/halls", {"name": "bench"})
        address = f"/v1/halls/{made['hall_id']}"
        await _timed(samples["get"], session, "GET", address)
        await _timed(samples["delete"], session, "DELETE", address)
        # Its pod is being made and unmade meanwhile: the next create finds a quieter machine.
        await asyncio.sleep(0.5)
    return samples


async def _timed(
    into: list[float],
    session: aiohttp.ClientSession,
    method: str,
    address: str,
    body: dict[str, Any] | None = None,
) -> Any:
    """Make one request on the kept connection; the time until its last byte was read is noted."""
    began = time.perf_counter()
    answer = await _json(session, method, address, body)
    into.append(time.perf_counter() - began)
    return answer


async def _json(
    session: aiohttp.ClientSession, method: str, address: str, body: dict[str, Any] | None = None
) -> Any:
    async with session.request(method, address, json=body) as response:
        if response.status >= 300:
            raise BenchError(f"{method} {address}: {response.status} {await response.text()}")
        return await response.json() if response.status != 204 else None


_NAMES = {
    "create": "`POST /v1/halls`",
    "get": "`GET /v1/halls/{id}`, just created",
    "delete": "`DELETE /v1/halls/{id}`",
    "list": "`GET /v1/halls`, 100 of them",
    "list closed": "`GET /v1/halls?status=closed`, 100 of them",
}


def tabulate(
    samples: dict[str, Sequence[float]] | dict[str, list[float]], options: Options
) -> Table:
    """Percentiles in milliseconds. Pure."""
    rows = []
    for key, name in _NAMES.items():
        values = [1e3 * value for value in samples[key]]
        cells = [f"{percentile(values, percent):.1f} ms" for percent in (50, 95, 99)]
        rows.append((name, str(len(values)), *cells))
    note = (
        f"{options.present:,} closed halls present in the tenant's namespace, and those that are "
        "made and deleted; one client, one kept connection, one request at a time, from outside "
        "the cluster through the NodePort; until the last byte of the answer."
    )
    return Table(columns=("request", "n", "p50", "p95", "p99"), rows=tuple(rows), notes=(note,))
