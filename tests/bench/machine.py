"""The machine that figures were measured on: they mean little without it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

_PACKAGES = ("aiortc", "aioice", "pylibsrtp", "aiohttp", "kopf", "kubernetes", "fastapi")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """CPU, memory, kernel and the versions that matter."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    packages: dict[str, str]
    programs: dict[str, str]
    load_1m: float

    def sentence(self) -> str:
        """One line for the foot of a table."""
        programs = ", ".join(f"{name} {version}" for name, version in self.programs.items())
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gib:.0f} GiB, Linux {self.kernel}, "
            f"Python {self.python}{', ' + programs if programs else ''}"
        )

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def describe() -> Machine:
    """Read it from /proc, the installed packages and the programs on the path."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=_memory(),
        kernel=platform.release(),
        python=platform.python_version(),
        packages={name: v for name in _PACKAGES if (v := _package(name))},
        programs={
            name: version
            for name, command in (
                ("Janus", ("janus", "--version")),
                ("Chromium", ("chromium", "--version")),
            )
            if (version := _program(*command))
        },
        load_1m=os.getloadavg()[0],
    )


def _cpu() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def _memory() -> float:
    match = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(match[1]) / 1024**2 if match else 0.0


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _program(*command: str) -> str:
    """The first dotted number that a program prints about itself; empty when it is not there."""
    path = shutil.which(command[0])
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *command[1:]], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return match[0] if match else ""
