"""Debian packages that a step needs, installed once where we may; else said plainly."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cluster import commands, places
from cluster.errors import GroundError
from cluster.progress import step

# What is looked for -> the Debian package that brings it.
ENGINE = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "docker": "docker.io",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
}
BOOTSTRAP = {"debootstrap": "debootstrap", "unshare": "util-linux", "mount": "mount"}
BROWSER = {"chromium": "chromium"}
# No program of that name exists: asked for only where Python has been found to lack its module.
VENV = {"python3-ensurepip": "python3-venv"}
_POLICY = Path("/usr/sbin/policy-rc.d")


def is_debian() -> bool:
    release = Path("/etc/os-release")
    words = (
        release.read_text().replace('"', "").replace("=", " ").split() if release.exists() else []
    )
    return bool({"debian", "ubuntu"} & set(words)) and shutil.which("apt-get") is not None


def missing(wanted: dict[str, str]) -> list[str]:
    return sorted({package for program, package in wanted.items() if not shutil.which(program)})


def ensure(wanted: dict[str, str], *, why: str) -> None:
    """Install what is missing.

    Raises:
        GroundError: something is missing and we are not root on Debian or Ubuntu.
    """
    if not missing(wanted):
        return
    if os.geteuid() != 0 or not is_debian():
        raise GroundError(
            f"{why} needs: {', '.join(missing(wanted))}. Install them "
            "(on Debian or Ubuntu: apt-get install <names>), or run this as root there.",
            step="install packages",
        )
    with places.locked("apt"):
        names = missing(wanted)
        if not names:
            return
        apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
        with step(f"install packages ({' '.join(names)})"), _services_stay_off():
            env = {"DEBIAN_FRONTEND": "noninteractive"}
            commands.logged("apt-get update", [*apt, "update"], log="apt-update", env=env)
            commands.logged(
                "install packages",
                [*apt, "install", "-y", "--no-install-recommends", *names],
                log="apt-install",
                env=env,
            )


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """Debian starts a service when it installs one; an engine of ours is started by us alone."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
