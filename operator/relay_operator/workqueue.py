"""A queue of keys: each waits once, each is worked on by one worker at a time, some only later.

The semantics of client-go's workqueue: a key added while it is being worked on is worked on again
afterwards, so no change is lost; however often it is added meanwhile, it is once.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_BACKOFF_BASE: Final = 0.2
_BACKOFF_MAX: Final = 60.0
_SUPERSEDED_MAX: Final = 64
"""Entries of the heap that may stand for nothing any more, beside as many as there are keys."""


class WorkQueue(Generic[K]):
    """For one event loop. ``clock``: monotonic seconds, the loop's own outside of tests."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """An empty queue by this clock."""
        self._clock = clock
        self._ready: deque[K] = deque()
        self._waiting: dict[K, float] = {}  # since when; the keys in _ready
        self._busy: dict[K, float] = {}  # since when
        self._again: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._failures: dict[K, int] = {}
        self._wakeup = asyncio.Event()

    def add(self, key: K) -> None:
        """Have the key worked on as soon as a worker is free."""
        self._due.pop(key, None)
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = self._clock()
            self._ready.append(key)
            self._wakeup.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Have the key worked on after this time, unless an earlier wish for it stands."""
        due = self._clock() + max(0.0, seconds)
        if key in self._waiting or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))
        if len(self._heap) > 2 * len(self._due) + _SUPERSEDED_MAX:
            self._drop_superseded()
        self._wakeup.set()

    def add_failed(self, key: K, *, at_least: float = 0.0) -> float:
        """Have the key tried again with its backoff (0.2 s doubling to 60 s); returns the wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = max(at_least, min(_BACKOFF_MAX, _BACKOFF_BASE * float(1 << min(failures, 10))))
        self.add_after(key, wait)
        return wait

    def succeeded(self, key: K) -> None:
        """Forget the key's failures."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; ``done`` must follow."""
        while True:
            self._release_due()
            if self._ready:
                key = self._ready.popleft()
                del self._waiting[key]
                self._busy[key] = self._clock()
                if self._ready:
                    self._wakeup.set()
                return key
            self._wakeup.clear()
            timeout = max(0.0, self._heap[0][0] - self._clock()) if self._heap else None
            try:
                async with asyncio.timeout(timeout):
                    await self._wakeup.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """The worker has finished with this key."""
        del self._busy[key]
        if key in self._again:
            self._again.remove(key)
            self.add(key)

    def forget(self, key: K) -> None:
        """The key's object is gone: neither its delayed turn nor its failures matter any more."""
        self._due.pop(key, None)
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """Keys that wait for a worker now."""
        return len(self._ready)

    @property
    def delayed(self) -> int:
        return len(self._due)

    def next_in(self) -> float | None:
        """Seconds until a key is ready, 0 where one is; ``None`` where none ever will be."""
        self._release_due()
        if self._ready:
            return 0.0
        return max(0.0, self._heap[0][0] - self._clock()) if self._heap else None

    def oldest_busy(self) -> float:
        """Seconds that the slowest worker has been at its key."""
        return self._clock() - min(self._busy.values(), default=self._clock())

    def oldest_waiting(self) -> float:
        """Seconds that the key at the head has waited for a worker."""
        return self._clock() - min(self._waiting.values(), default=self._clock())

    def _drop_superseded(self) -> None:
        """A wish for a far day would else stay until then, one for each time it was renewed."""
        kept: dict[K, tuple[float, int, K]] = {}
        for entry in self._heap:
            if self._due.get(entry[2]) == entry[0]:
                kept[entry[2]] = entry
        self._heap = list(kept.values())
        heapq.heapify(self._heap)

    def _release_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:  # else: superseded by an earlier wish
                self.add(key)
