"""Handshakes take turns, so that a rush of joins does not hold up media."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

MAX_HANDSHAKES = 64
"""DTLS handshakes begun and not ended; others wait, and their datagrams with them."""
_MAX_WAITING = 1024


class HandshakeTurns:
    """One handshake step (milliseconds of public-key work) for each turn of the event loop.

    Between two steps the loop reads the media socket. Datagrams beyond a bound are dropped: DTLS
    repeats itself.
    """

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(MAX_HANDSHAKES)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Callable[[bytes], None], bytes]] = deque()
        self._running = False

    def add(self, feed: Callable[[bytes], None], data: bytes) -> None:
        """Call ``feed(data)`` when it is its turn."""
        if len(self._waiting) >= _MAX_WAITING:
            return
        self._waiting.append((feed, data))
        if not self._running:
            self._running = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        feed, data = self._waiting.popleft()
        self._running = bool(self._waiting)
        if self._running:
            self._loop.call_soon(self._next)
        feed(data)
