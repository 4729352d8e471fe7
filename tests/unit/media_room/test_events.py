"""The event log, control requests, limits."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_media.control.events import EventLog
from relay_media.control.requests import read_assign, read_close, read_poll
from relay_media.errors import PermanentError
from relay_media.signalling.limits import ConnectionLimits, TokenBucket


def sequences(log: EventLog, after: int) -> tuple[list[int], bool]:
    events, gap = log.after(after)
    return [event.sequence for event in events], gap


def test_the_ring_keeps_the_newest_and_says_when_some_were_lost() -> None:
    log = EventLog(size=3)
    assert sequences(log, 0) == ([], False)
    for number in range(5):
        log.append("x", {"n": number})
    assert sequences(log, 5) == ([], False)
    assert sequences(log, 3) == ([4, 5], False)
    assert sequences(log, 2) == ([3, 4, 5], False)
    assert sequences(log, 1) == ([3, 4, 5], True)
    assert sequences(log, 0) == ([3, 4, 5], True)
    # A cursor of an earlier pod: everything there is, and a gap.
    assert sequences(log, 99) == ([3, 4, 5], True)


@given(st.integers(0, 40), st.integers(1, 10), st.integers(0, 50))
def test_a_reader_that_is_told_of_no_gap_has_missed_nothing(
    count: int, size: int, after: int
) -> None:
    log = EventLog(size=size)
    for _ in range(count):
        log.append("x", {})
    found, gap = sequences(log, after)
    if not gap:
        assert found == list(range(after + 1, count + 1))


async def test_waiting_ends_with_an_event_with_time_or_with_the_log() -> None:
    log = EventLog()
    began = time.monotonic()
    await log.wait(0, 0.05)
    assert time.monotonic() - began >= 0.04
    waiting = asyncio.create_task(log.wait(0, 30))
    await asyncio.sleep(0)
    log.append("x", {})
    await asyncio.wait_for(waiting, 1)
    await asyncio.wait_for(log.wait(0, 30), 1)
    waiting = asyncio.create_task(log.wait(1, 30))
    await asyncio.sleep(0)
    log.end()
    await asyncio.wait_for(waiting, 1)
    await asyncio.wait_for(log.wait(1, 30), 1)


async def test_a_leaving_process_learns_when_its_last_event_was_read() -> None:
    log = EventLog()
    assert not log.followed
    assert await log.all_read(0.01)
    log.append("x", {})
    assert not await log.all_read(0.01)
    waiting = asyncio.create_task(log.all_read(5))
    await asyncio.sleep(0)
    log.delivered(1)
    assert await waiting
    assert log.followed


HALL = {
    "hall_uid": "u",
    "hall_id": "h_1",
    "namespace": "ns",
    "name": "demo",
    "display_name": None,
    "max_participants": 5,
}


def test_an_assignment_is_read_with_its_defaults() -> None:
    hall = read_assign(HALL)
    assert (hall.uid, hall.display_name, hall.max_participants) == ("u", "", 5)
    assert hall.codecs == ("opus", "VP8", "H264")
    assert read_assign({**HALL, "codecs": ["opus"]}).codecs == ("opus",)


@pytest.mark.parametrize(
    "change",
    [
        {"hall_uid": ""},
        {"hall_id": None},
        {"name": "x" * 300},
        {"display_name": 5},
        {"max_participants": 0},
        {"max_participants": True},
        {"max_participants": 10**9},
        {"codecs": "opus"},
        {"codecs": [["opus"]]},
    ],
)
def test_a_bad_assignment_names_the_field(change: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match=next(iter(change))):
        read_assign({**HALL, **change})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (0, 0.0)),
        ({"after": "7", "wait": "2.5"}, (7, 2.5)),
        ({"wait": "600"}, (0, 30.0)),
    ],
)
def test_a_poll_is_read(query: dict[str, str], expected: tuple[int, float]) -> None:
    assert read_poll(query) == expected


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"wait": "nan"}, {"wait": "-1"}, {"wait": "inf"}]
)
def test_a_bad_poll_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(PermanentError):
        read_poll(query)


def test_a_close_has_a_reason() -> None:
    assert read_close({"reason": "deleted"}) == "deleted"
    assert read_close({}) == "closed"
    for body in ([], {"reason": 7}, {"reason": "x" * 300}):
        with pytest.raises(PermanentError):
            read_close(body)


def test_a_bucket_allows_a_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=0)
    assert [bucket.take(0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take(0.1)
    assert not bucket.take(0.1)
    assert [bucket.take(100) for _ in range(6)] == [True] * 5 + [False]


def test_patience_ends() -> None:
    limits = ConnectionLimits(0)
    assert [limits.refuse() for _ in range(201)] == [False] * 200 + [True]
