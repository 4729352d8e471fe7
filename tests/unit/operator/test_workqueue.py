"""The queue: no key twice, none with two workers, delays, and growing waits."""

from __future__ import annotations

import asyncio

import pytest

from relay_operator.workqueue import WorkQueue
from unit.operator.clock import Clock


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock=clock)


async def test_a_key_added_thrice_is_worked_on_once(queue: WorkQueue[str]) -> None:
    for _ in range(3):
        queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert queue.next_in() is None


async def test_a_key_added_while_it_is_worked_on_is_worked_on_again(queue: WorkQueue[str]) -> None:
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    queue.add("a")
    assert queue.depth == 0
    queue.done(key)
    assert await queue.get() == "a"
    queue.done("a")
    assert queue.next_in() is None


async def test_one_key_is_never_with_two_workers(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done("a")
    assert await waiting == "a"


async def test_a_delayed_key_comes_when_it_is_due(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add_after("a", 5)
    assert queue.next_in() == 5
    clock.seconds += 5
    assert await queue.get() == "a"


@pytest.mark.parametrize(("first", "second"), [(5, 2), (2, 5)])
async def test_of_two_delays_the_earlier_counts(
    queue: WorkQueue[str], clock: Clock, first: float, second: float
) -> None:
    queue.add_after("a", first)
    queue.add_after("a", second)
    clock.seconds += 2
    assert await queue.get() == "a"
    queue.done("a")
    clock.seconds += 10
    assert queue.next_in() is None


async def test_a_wish_for_a_far_day_that_is_renewed_costs_no_memory(
    queue: WorkQueue[str], clock: Clock
) -> None:
    """Each renewal left an entry until that day: closed halls made the process ever larger."""
    for _ in range(1000):
        for key in ("a", "b"):
            queue.add(key)
            queue.done(await queue.get())
            queue.add_after(key, 30 * 86_400)
        clock.seconds += 300
    assert queue.delayed == 2
    assert len(queue._heap) <= 2 * 2 + 64 + 1
    clock.seconds += 31 * 86_400
    assert sorted([await queue.get(), await queue.get()]) == ["a", "b"]


async def test_a_key_that_is_ready_drops_its_delay(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add_after("a", 5)
    queue.add("a")
    queue.done(await queue.get())
    clock.seconds += 10
    assert queue.next_in() is None


async def test_failures_wait_longer_each_time_and_success_forgets_them(
    queue: WorkQueue[str],
) -> None:
    waits = [queue.add_failed("a") for _ in range(12)]
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert max(waits) == 60
    queue.succeeded("a")
    assert queue.add_failed("a") == 0.2
    assert queue.add_failed("b", at_least=7) == 7


async def test_a_waiting_worker_is_woken(queue: WorkQueue[str]) -> None:
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await waiting == "a"


async def test_two_waiting_workers_get_two_keys(queue: WorkQueue[str]) -> None:
    waiting = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    assert sorted(await asyncio.gather(*waiting)) == ["a", "b"]


async def test_the_queue_tells_how_long_somebody_waits(queue: WorkQueue[str], clock: Clock) -> None:
    assert (queue.oldest_busy(), queue.oldest_waiting()) == (0, 0)
    queue.add("a")
    clock.seconds += 3
    assert queue.oldest_waiting() == 3
    await queue.get()
    clock.seconds += 4
    assert (queue.oldest_busy(), queue.oldest_waiting()) == (4, 0)
