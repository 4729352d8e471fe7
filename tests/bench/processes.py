"""Processes under test: started on one core, measured through /proc, ended by their own id."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ServerError

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident and proportional set size of one process, in bytes."""

    rss: int
    pss: int
    threads: int


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of ``pid``, ended ones included (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> Memory:
    """What ``pid`` holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return Memory(
        rss=_number(r"^VmRSS:\s+(\d+) kB", status) * 1024,
        pss=_number(r"^Pss:\s+(\d+) kB", rollup) * 1024,
        threads=_number(r"^Threads:\s+(\d+)", status),
    )


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise ServerError(f"/proc has no line like {pattern!r}: is the process still there?")
    return int(match[1])


def cores() -> tuple[int, int]:
    """Two cores that this process may use: one for the server, one for the load generator.

    With a single core both are the same, and the figures include the contention.
    """
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextmanager
def first_in_line() -> Iterator[None]:
    """Run this process, and what it starts meanwhile, before other work, where that is allowed.

    Round-robin real-time scheduling (sched(7)) at its lowest priority: both ends wake up as on an
    idle machine. What CPU time they use is counted all the same.
    """
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, parameters)


class Process:
    """One program under test, with its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        core: int | None = None,
    ) -> None:
        pinned = ["taskset", "-c", str(core), *command] if core is not None else list(command)
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                pinned, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ServerError: with the tail of its log.
        """
        code = self._popen.poll()
        if code is not None:
            raise ServerError(f"ended with {code}; its log {self.log} ends:\n{self.tail()}")

    def tail(self, characters: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self, grace_seconds: float = 10) -> None:
        """End it: a polite signal first, then the other one."""
        if self._popen.poll() is not None:
            return
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(grace_seconds)
