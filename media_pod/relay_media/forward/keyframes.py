"""When to ask a publisher for a key frame."""

from __future__ import annotations

MIN_INTERVAL = 0.5
"""Seconds between two requests, whoever asks (a key frame costs the publisher dearly)."""
_PATIENCE = 10
_SLOW_INTERVAL = 2.0


class KeyframeRequests:
    """One publisher's: all wishes become one request, repeated until a key frame begins."""

    def __init__(self) -> None:
        self.wanted = False
        self.sent = 0
        self._tries = 0
        self._last = float("-inf")

    def want(self) -> None:
        self.wanted = True

    def arrived(self) -> None:
        self.wanted = False
        self._tries = 0

    def due(self, now: float) -> bool:
        """True if a request must go out now; counts it as sent."""
        interval = MIN_INTERVAL if self._tries < _PATIENCE else _SLOW_INTERVAL
        if not self.wanted or now - self._last < interval:
            return False
        self._last = now
        self._tries += 1
        self.sent += 1
        return True
