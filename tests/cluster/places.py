"""Where things are kept: what is built in the cache, what runs in the state folder.

``RELAY_CACHE`` and ``RELAY_STATE`` move them; two state folders are two independent grounds, each
with its own engine, network and clusters, on one machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cluster.progress import say

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def _root(variable: str, xdg: str, fallback: str) -> Path:
    if own := os.environ.get(variable):
        return Path(own).absolute()
    base = os.environ.get(xdg) or str(Path.home() / fallback)
    return Path(base).absolute() / "relay-cluster"


def cache() -> Path:
    path = _root("RELAY_CACHE", "XDG_CACHE_HOME", ".cache")
    path.mkdir(parents=True, exist_ok=True)
    return path


def state() -> Path:
    path = _root("RELAY_STATE", "XDG_STATE_HOME", ".local/state")
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def logs() -> Path:
    path = state() / "logs"
    path.mkdir(exist_ok=True)
    return path


def ground_id() -> str:
    """Six hex digits that differ for each state folder: they name links, networks and cgroups."""
    return hashlib.sha256(str(state()).encode()).hexdigest()[:6]


def digest(*parts: str | bytes | Path) -> str:
    """Twelve hex digits over texts and the contents of files; folders by their sorted files."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
            for file in files:
                total.update(str(file.relative_to(part)).encode() + b"\0")
                total.update(hashlib.sha256(file.read_bytes()).digest())
        else:
            total.update(part.encode() if isinstance(part, str) else part)
        total.update(b"\1")
    return total.hexdigest()[:12]


@contextlib.contextmanager
def locked(name: str, *, folder: Path | None = None, shared: bool = False) -> Iterator[None]:
    """Hold a lock file; waits for other runs, telling so. The kernel frees it if we die."""
    path = (folder or cache()) / f"{name}.lock"
    with path.open("a") as handle:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that holds {path}")
            fcntl.flock(handle, kind)
        yield


@contextlib.contextmanager
def try_locked(name: str, *, folder: Path) -> Iterator[bool]:
    """Hold the lock if nobody else does; yields whether we hold it."""
    with (folder / f"{name}.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """A scratch folder beside ``target``; what an interrupted run left there is removed first.

    The caller holds the lock of ``target`` and renames the finished thing into place itself, so
    that a file under its final name is always whole.
    """
    scratch = target.parent / f".{target.name}.unfinished"
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
