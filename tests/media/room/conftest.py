"""Fixtures: a real pod process, idle or assigned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.room.pod import Pod, running_pod


@pytest.fixture
async def idle_pod(tmp_path: Path) -> AsyncIterator[Pod]:
    async with running_pod(tmp_path / "pod.log") as pod:
        yield pod
        unexpected = [line for line in pod.log_lines() if line["level"] in ("error", "critical")]
        assert not unexpected, unexpected


@pytest.fixture
async def pod(idle_pod: Pod) -> Pod:
    """Assigned, with a cap of 10."""
    status, body = await idle_pod.assign(cap=10)
    assert status == 200, body
    return idle_pod
