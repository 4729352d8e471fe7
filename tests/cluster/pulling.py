"""Images that can be had from a registry, found out quickly."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping

from cluster import commands
from cluster.progress import step

_FIRST_WORD = float(os.environ.get("RELAY_PULL_TIMEOUT", "20"))
_WHOLE = 1200.0


def present(image: str, *, env: Mapping[str, str]) -> bool:
    return commands.works(["docker", "image", "inspect", "--format={{.Id}}", image], env=env)


def pull(image: str, *, env: Mapping[str, str]) -> bool:
    """Whether the engine has the image, after pulling it if it can.

    A registry that says nothing for 20 seconds (``RELAY_PULL_TIMEOUT``) is not reachable; one that
    has begun gets 20 minutes.
    """
    if present(image, env=env):
        return True
    began = threading.Event()
    with (
        step(f"try to pull {image}"),
        subprocess.Popen(
            ["docker", "pull", image],
            env=dict(os.environ, **env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        stdout = process.stdout

        def read() -> None:
            # docker prints its first line when the registry has answered for a tagged image.
            for _ in stdout:
                began.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(_FIRST_WORD)
        if began.is_set():
            reader.join(_WHOLE)
        if reader.is_alive():
            os.killpg(process.pid, signal.SIGKILL)
            reader.join()
        return process.wait() == 0
