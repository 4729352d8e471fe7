"""What is kept about each cluster, and what it is given: subnets and a port of this machine."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import machine, places
from cluster.errors import GroundError


@dataclass(frozen=True, kw_only=True)
class Record:
    """One cluster of this state folder; subnets in CIDR notation."""

    name: str
    pods: str
    services: str
    http_port: int


def allocate(name: str, *, http_port: int) -> Record:
    """Subnets that collide with nothing, and the first free port from ``http_port`` on (0: any).

    A port that the cluster had before is taken again if it is free, so that links stay good.
    """
    with places.locked("allocate", folder=places.state()):
        memory = _folder() / f"{name}.port"
        remembered = int(memory.read_text()) if memory.exists() else 0
        pods = machine.free_subnet(
            _pod_subnets(name), [read(other).pods for other in names() if exists(other)]
        )
        first, second, *_ = pods.split(".")
        record = Record(
            name=name,
            pods=pods,
            services=f"{first}.{int(second) + 1}.0.0/20",
            http_port=_free_port(remembered or http_port),
        )
        _path(name).write_text(json.dumps(asdict(record)))
        memory.write_text(str(record.http_port))
    return record


def read(name: str) -> Record:
    return Record(**json.loads(_path(name).read_text()))


def exists(name: str) -> bool:
    """Whether there is a record; one that an older version wrote otherwise does not count."""
    try:
        read(name)
    except (FileNotFoundError, ValueError, TypeError):
        return False
    return True


def forget(name: str) -> None:
    """Drop what was kept, but for the port and the API key, which a next cluster takes over."""
    _path(name).unlink(missing_ok=True)
    kubeconfig(name).unlink(missing_ok=True)


def names() -> list[str]:
    """Every cluster that this state folder knows of."""
    return sorted(path.stem for path in _folder().glob("*.json"))


@dataclass(frozen=True, kw_only=True)
class Made:
    """A cluster as it was made at one time: one of the same name made later is another."""

    name: str
    nanoseconds: int


def made() -> set[Made]:
    """Every cluster that this state folder knows of, with when it was made."""
    found = set()
    for path in _folder().glob("*.json"):
        # Others come and go while we look.
        with contextlib.suppress(FileNotFoundError):
            found.add(Made(name=path.stem, nanoseconds=path.stat().st_mtime_ns))
    return found


def kubeconfig(name: str) -> Path:
    return _folder() / f"{name}.kubeconfig"


def secret(name: str, kind: str) -> Path:
    """A file of the cluster's for its owner alone."""
    path = _folder() / f"{name}.{kind}"
    path.touch(mode=0o600)
    return path


def _pod_subnets(name: str) -> list[str]:
    """Even second octets from 120 on, starting at one that differs by state folder and name."""
    start = int(places.digest(places.ground_id(), name), 16)
    return [f"10.{120 + (start + i) % 60 * 2}.0.0/16" for i in range(60)]


def _free_port(first: int) -> int:
    for port in range(first, first + 100 if first else 1):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise GroundError(f"no free port from {first} to {first + 99}", step="choose a port")


def _path(name: str) -> Path:
    return _folder() / f"{name}.json"


def _folder() -> Path:
    folder = places.state() / "clusters"
    folder.mkdir(exist_ok=True)
    return folder
