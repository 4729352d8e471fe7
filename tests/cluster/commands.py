"""Runs other programs: output into a log, the last lines into the error, nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster import places
from cluster.errors import GroundError

_SHOWN_LINES = 15
_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_stopping = threading.Event()

# Debian keeps dockerd, debootstrap and iptables outside an ordinary user's PATH.
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def logged(
    step: str,
    command: Sequence[str | Path],
    *,
    log: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    timeout: float = 1800,
) -> None:
    """Run ``command`` with its whole output in ``<state>/logs/<log>.log``.

    Raises:
        GroundError: it failed or took longer than ``timeout`` seconds; with its last lines.
    """
    path = places.logs() / f"{log}.log"
    with path.open("wb") as output:
        output.write(f"$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        process = _start(command, env=env, cwd=cwd, stdin=stdin is not None, output=output)
        try:
            process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise GroundError(f"took longer than {timeout:.0f} s", step=step, log=path) from None
        finally:
            with _guard:
                _running.discard(process)
    if process.returncode:
        raise GroundError(_last_lines(path), step=step, log=path)


def output(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 120,
) -> str:
    """Run a quick command and return its standard output.

    Raises:
        GroundError: it failed, is missing or hangs; the message is its standard error.
    """
    name = " ".join(map(str, command[:4]))
    try:
        done = subprocess.run(
            list(map(str, command)),
            env=dict(os.environ, **(env or {})),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise GroundError(f"{command[0]} is not installed", step=name) from None
    except subprocess.TimeoutExpired:
        raise GroundError(f"no answer within {timeout:.0f} s", step=name) from None
    if done.returncode:
        raise GroundError(done.stderr.strip() or done.stdout.strip() or "no message", step=name)
    return done.stdout


def works(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> bool:
    """Whether a quick command succeeds."""
    try:
        output(command, env=env, timeout=60)
    except GroundError:
        return False
    return True


def stop_all() -> None:
    """End every program still running on behalf of this run."""
    _stopping.set()
    with _guard:
        processes = list(_running)
    for process in processes:
        _end(process)


def _start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdin: bool,
    output: int | object,
) -> subprocess.Popen[bytes]:
    if _stopping.is_set():
        raise GroundError("the run is being stopped")
    try:
        process = subprocess.Popen(
            list(map(str, command)),
            env=dict(os.environ, **(env or {})),
            cwd=cwd,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output,  # type: ignore[arg-type]
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise GroundError(f"{command[0]} is not installed") from None
    with _guard:
        _running.add(process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all it started: each runs in a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_lines(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()[1:]
    return "\n".join(lines[-_SHOWN_LINES:]) or "no output"
