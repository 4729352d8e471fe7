"""A ground of the test's own: cache, state and the programs that stand in for the real ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import packages

Stand = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def own_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing here touches the clusters or the cache of whoever runs the tests."""
    for name in ("DOCKER_HOST", "CLUSTER", "RELAY_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RELAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RELAY_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Puts small shell scripts first on PATH, under the names of real programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH with a shell and nothing else."""
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def not_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_debian", lambda: False)
