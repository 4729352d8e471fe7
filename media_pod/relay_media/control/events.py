"""The hall's event log: a bounded ring that the operator reads by long poll."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from relay_media.clock import now_utc, rfc3339

RING_SIZE = 10_000
#: A reader polls again within the longest wait, 30 s; twice that and it is gone.
_FOLLOWED = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    sequence: int
    type: str
    at: str
    data: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "type": self.type,
            "at": self.at,
            "data": dict(self.data),
        }


class EventLog:
    """Events numbered from 1, without gaps; the newest ``size`` are kept."""

    def __init__(self, *, size: int = RING_SIZE, clock: Callable[[], datetime] = now_utc) -> None:
        self._ring: deque[Event] = deque(maxlen=size)
        self._clock = clock
        self._waiters: set[asyncio.Future[None]] = set()
        self._ended = False
        self.sequence = 0
        self._delivered = 0
        self._read_at: datetime | None = None
        self._all_read = asyncio.Event()

    def append(self, type_: str, data: Mapping[str, Any]) -> None:
        """Number an event, keep it, and wake everyone who waits for one."""
        self.sequence += 1
        self._ring.append(
            Event(sequence=self.sequence, type=type_, at=rfc3339(self._clock()), data=data)
        )
        self._all_read.clear()
        self._wake()

    def after(self, sequence: int) -> tuple[list[Event], bool]:
        """Events newer than ``sequence``, and whether some in between were already dropped.

        A ``sequence`` from the future (of an earlier pod) is a gap too: the caller starts anew.
        """
        oldest = self._ring[0].sequence if self._ring else self.sequence + 1
        if sequence > self.sequence:
            return list(self._ring), True
        skip = max(0, sequence + 1 - oldest)
        return list(islice(self._ring, skip, None)), sequence + 1 < oldest

    async def wait(self, sequence: int, seconds: float) -> None:
        """Return once there is an event newer than ``sequence``, the log ends, or time is up."""
        if self.sequence != sequence or self._ended or seconds <= 0:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            self._waiters.discard(waiter)

    def delivered(self, sequence: int) -> None:
        """A reader was sent everything up to ``sequence``."""
        self._read_at = self._clock()
        self._delivered = max(self._delivered, sequence)
        if self._delivered >= self.sequence:
            self._all_read.set()

    @property
    def followed(self) -> bool:
        """Whether somebody reads the log: there is a reader now, or was one a moment ago."""
        recent = self._read_at is not None and self._clock() - self._read_at < _FOLLOWED
        return recent or bool(self._waiters)

    async def all_read(self, seconds: float) -> bool:
        """Wait until a reader was sent the newest event; False if that took too long."""
        if self._delivered >= self.sequence:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._all_read.wait()
        except TimeoutError:
            return False
        return True

    def end(self) -> None:
        """No more waiting: the process is about to go."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
