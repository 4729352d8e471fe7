"""The operator of the installed release, put aside while a benchmark runs one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.operator.cluster import Cluster
from bench.errors import BenchError
from cluster.release import NAMESPACE

_SCALE = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/relay-operator/scale"
_PODS = (
    f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fname%3Drelay-operator"
)
_SECONDS = 60.0


@asynccontextmanager
async def put_aside(cluster: Cluster) -> AsyncIterator[None]:
    """No replica of it inside the block: two operators on the same halls would undo each other.

    Raises:
        BenchError: it does not end.
    """
    status, found = await cluster.send("GET", _SCALE)
    if status == 404:
        yield
        return
    before = found["spec"]["replicas"]
    await cluster.patch(_SCALE, {"spec": {"replicas": 0}})
    try:
        await _until_gone(cluster)
        yield
    finally:
        await cluster.patch(_SCALE, {"spec": {"replicas": before}})


async def _until_gone(cluster: Cluster) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                if not (await cluster.get(_PODS))["items"]:
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise BenchError(
            f"the installed operator did not end within {_SECONDS:.0f} s: is its node there?"
        ) from None
