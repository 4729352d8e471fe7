"""Halls made for a measurement: created, watched and taken away again through the real API."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from api.operator.cluster import RELAY, Cluster
from bench.errors import BenchError

LABEL = "relay-bench"


def path(namespace: str, name: str = "") -> str:
    return f"{RELAY}/namespaces/{namespace}/halls{'/' + name if name else ''}"


def manifest(name: str, **spec: Any) -> dict[str, Any]:
    """A Hall that carries the bench's label, so that a crashed run can be cleaned up."""
    return {
        "apiVersion": "relay.dev/v1beta1",
        "kind": "Hall",
        "metadata": {"name": name, "labels": {LABEL: "true"}},
        "spec": spec,
    }


def fresh_name(what: str) -> str:
    return f"bench-{what}-{secrets.token_hex(4)}"


def is_ready(hall: dict[str, Any]) -> bool:
    """Whether a pod is assigned (a hibernated Hall is Ready too, but that is not meant)."""
    for condition in (hall.get("status") or {}).get("conditions", []):
        if condition["type"] == "Ready":
            return (condition["status"], condition["reason"]) == ("True", "Assigned")
    return False


async def create_all(
    cluster: Cluster, namespace: str, halls: Iterable[dict[str, Any]], *, parallel: int = 16
) -> None:
    """Create them, a few at a time."""
    gate = asyncio.Semaphore(parallel)

    async def create(hall: dict[str, Any]) -> None:
        async with gate:
            await cluster.create(path(namespace), hall)

    await asyncio.gather(*(create(hall) for hall in halls))


async def remove(cluster: Cluster, namespace: str, name: str, *, seconds: float = 60) -> None:
    """Delete one Hall and wait until it is gone, its pod with it.

    Raises:
        BenchError: it was still there after ``seconds``.
    """
    await cluster.delete(path(namespace, name))
    pods = f"/api/v1/namespaces/{namespace}/pods?labelSelector=relay.dev%2Fhall%3D{name}"
    async with _deadline(seconds, f"Hall {name} is still there: is the operator running?"):
        while True:
            status, _ = await cluster.send("GET", path(namespace, name))
            if status == 404 and not (await cluster.get(pods))["items"]:
                return
            await asyncio.sleep(0.1)


async def remove_all(cluster: Cluster, namespace: str, *, seconds: float = 600) -> None:
    """Delete every Hall of the bench and wait until they are gone.

    Raises:
        BenchError: some were still there after ``seconds``.
    """
    selected = f"{path(namespace)}?labelSelector={LABEL}%3Dtrue"
    await cluster.delete(selected, propagationPolicy="Background")
    async with _deadline(seconds, "Halls are still there: is the operator running?"):
        while True:
            if not (await cluster.get(f"{selected}&limit=1"))["items"]:
                return
            await asyncio.sleep(0.5)


@asynccontextmanager
async def _deadline(seconds: float, message: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise BenchError(message) from None
