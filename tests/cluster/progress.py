"""Says what is being done and how long it has taken; long steps report every 20 seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

_START = time.monotonic()
_TICK = 20.0
_printing = threading.Lock()


def say(message: str) -> None:
    """Print one line with the time since the start of the run."""
    with _printing:
        print(f"[{time.monotonic() - _START:6.1f} s] {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, keep saying that it goes on, and tell how long it took."""
    began = time.monotonic()
    over = threading.Event()

    def tick() -> None:
        while not over.wait(_TICK):
            say(f"  … {title}: {time.monotonic() - began:.0f} s")

    say(f"{title} …")
    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    outcome = "FAILED after"
    try:
        yield
        outcome = "done in"
    finally:
        over.set()
        ticker.join()
        say(f"{title}: {outcome} {time.monotonic() - began:.1f} s")
