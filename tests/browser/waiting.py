"""Waiting for a condition with a deadline: the only kind of waiting in these tests.

Deadlines are generous, because many runs share busy machines; what a participant is promised is
measured and asserted by the tests themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 45.0
"""Seconds that anything may take which has no promise of its own."""

T = TypeVar("T")


async def until(
    probe: Callable[[], Awaitable[T]], what: str, *, seconds: float = PATIENCE, every: float = 0.1
) -> T:
    """Ask again until the answer is true, and return it.

    Raises:
        AssertionError: it was not true within ``seconds``; names ``what`` and the last answer.
    """
    end = time.monotonic() + seconds
    while True:
        answer = await probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not true: {what} (last: {answer!r})")
        await asyncio.sleep(every)


async def stays(
    probe: Callable[[], Awaitable[bool]], what: str, *, seconds: float, every: float = 0.1
) -> None:
    """Ask all through ``seconds``; every answer must be true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert await probe(), f"no longer true: {what}"
        await asyncio.sleep(every)
