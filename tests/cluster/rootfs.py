"""Debian file systems by debootstrap, kept in the cache as tar files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cluster import commands, packages, places
from cluster.errors import GroundError
from cluster.progress import step

# Debian 12 on purpose: its systemd 252 still boots on cgroup v1.
SUITE = "bookworm"
_NODE = (
    "systemd,systemd-sysv,containerd,runc,containernetworking-plugins,iptables,nftables,conntrack,"
    "ethtool,socat,kmod,iproute2,procps,jq,curl,ca-certificates"
)
_BASE = "ca-certificates,python3,python3-venv"
_DROPPED = (
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/info/*",
    "usr/lib/udev/hwdb*",
    "boot/*",
)
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def node() -> Path:
    """The tar file of the node's Debian: systemd, containerd and their tools."""
    return _tar("node", _NODE, extra="")


def base() -> Path:
    """The tar file of our images' base: Python, and the certificates that this machine trusts.

    Without them pip inside a build finds "no versions" behind a proxy that inspects TLS.
    """
    trusted = _CA_BUNDLE.read_text() if _CA_BUNDLE.exists() else ""
    return _tar("base", _BASE, extra=trusted)


def _tar(name: str, include: str, *, extra: str) -> Path:
    target = (
        places.cache() / f"debian-{SUITE}-{name}-{places.digest(include, extra, *_DROPPED)}.tar"
    )
    if target.exists():
        return target
    packages.ensure(packages.BOOTSTRAP, why="building a Debian file system")
    if os.geteuid() != 0:
        raise GroundError("debootstrap needs root: run this as root", step="debootstrap")
    with places.locked(f"debian-{name}"):
        if not target.exists():
            with step(f"debootstrap the {name} file system"), places.unfinished(target) as scratch:
                _bootstrap(scratch, name=name, include=include, extra=extra)
                (scratch / "root.tar").rename(target)
    return target


def _bootstrap(scratch: Path, *, name: str, include: str, extra: str) -> None:
    root = scratch / "root"
    debs = places.cache() / f"debs-{name}"
    debs.mkdir(exist_ok=True)
    # A mount namespace of its own: whatever debootstrap mounts goes with it, however it ends.
    commands.logged(
        f"debootstrap the {name} file system",
        [
            *("unshare", "--mount", "--propagation", "private"),
            *("debootstrap", "--variant=minbase", f"--include={include}", f"--cache-dir={debs}"),
            *(SUITE, root),
        ],
        log=f"debootstrap-{name}",
    )
    for pattern in _DROPPED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    if extra:
        (root / _CA_BUNDLE.relative_to("/")).write_text(extra)
    commands.logged(
        "pack",
        ["tar", "-C", root, "--numeric-owner", "-cf", scratch / "root.tar", "."],
        log=f"pack-{name}",
    )
