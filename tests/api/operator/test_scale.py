"""Many halls at once: bounded writes, memory and time. ``RELAY_SCALE_HALLS`` sets how many."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from api.operator.conftest import Stage, eventually, reason_of
from relay_crds import Hall, hall_name_of, new_hall_id

HALLS = int(os.environ.get("RELAY_SCALE_HALLS", "60"))
PER_SECOND = 20


def _name() -> str:
    return hall_name_of(new_hall_id(int(time.time() * 1000), secrets.token_bytes(8)))


def _rss(pid: int) -> int:
    """Resident megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


def _cpu(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.timeout(1800)
async def test_many_halls_cost_six_writes_each_and_none_at_rest(
    stage: Stage, record_property: Any
) -> None:
    await stage.start()
    stage.proxy.seen.clear()
    begun = time.monotonic()
    for number in range(HALLS):
        await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
        await stage.apply(_name())
    created = time.monotonic() - begun
    halls = await eventually(
        lambda: _halls(stage),
        lambda found: len(found) == HALLS and all(reason_of(h) == "Assigned" for h in found),
        seconds=HALLS,
    )
    models = [Hall.from_object(found) for found in halls]
    waits = sorted(
        (m.status.ready_at - m.created_at).total_seconds() for m in models if m.status.ready_at
    )
    await eventually(lambda: _depth(stage), lambda depth: depth == 0)
    await asyncio.sleep(2)
    writes = stage.proxy.writes()
    assert sum(writes.values()) <= 6 * HALLS + HALLS // 10, writes
    assert writes["POST /api/v1/namespaces/pods"] == HALLS
    stage.proxy.seen.clear()
    cpu, since = _cpu(stage.pid), time.monotonic()
    await asyncio.sleep(20)
    rest = Counter(found.kind for found in stage.proxy.seen if found.writes)
    assert rest == {}
    figures = {
        "halls": HALLS,
        "created_seconds": round(created, 1),
        "ready_p50": waits[len(waits) // 2],
        "ready_p99": waits[int(len(waits) * 0.99)],
        "writes_per_hall": round(sum(writes.values()) / HALLS, 2),
        "rss_mb": _rss(stage.pid),
        "cpu_at_rest_percent": round(100 * (_cpu(stage.pid) - cpu) / (time.monotonic() - since), 1),
        "reads_at_rest_20s": len(stage.proxy.seen),
    }
    for name, value in figures.items():
        record_property(name, value)
    print(figures)
    assert figures["rss_mb"] < 300


async def _halls(stage: Stage) -> list[dict[str, Any]]:
    await asyncio.sleep(0.5)
    return list((await stage.cluster.get(stage.path()))["items"])


async def _depth(stage: Stage) -> float:
    return await stage.metric("relay_operator_queue_depth")
