"""The stream of the load generator: its rate, its bursts, its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.stream import Schedule, payload, read_stamp, rtp_header


@pytest.mark.parametrize("rate", [30, 300, 1000, 2000])
def test_one_second_holds_exactly_the_rate_in_thirty_frames(rate: int) -> None:
    due = Schedule(rate).due(0.9999)
    assert len(due) == rate
    assert sum(packet.first for packet in due) == sum(packet.last for packet in due) == 30


def test_a_frame_is_spread_over_13_ms_and_not_sent_at_once() -> None:
    schedule = Schedule(300)
    counts = [len(schedule.due(ms / 1000)) for ms in range(0, 33, 4)]
    assert sum(counts) == 10
    assert max(counts) == 3
    assert counts[5:] == [0, 0, 0, 0]
    assert schedule.between_frames


@given(st.lists(st.floats(0, 0.05), max_size=60), st.integers(1, 3000))
def test_how_often_the_schedule_is_asked_changes_nothing(steps: list[float], rate: int) -> None:
    often, once = Schedule(rate), Schedule(rate)
    now, out = 0.0, often.due(0.0)
    for step in steps:
        now += step
        out += often.due(now)
    assert out == once.due(now)


@given(
    mid=st.binary(min_size=1, max_size=16),
    counter=st.integers(0, 2**64 - 1),
    sent=st.integers(0, 2**64 - 1),
    size=st.integers(60, 1200),
)
def test_a_stamp_is_read_back_behind_any_header(
    mid: bytes, counter: int, sent: int, size: int
) -> None:
    header = rtp_header(
        payload_type=96, marker=True, sequence=70000, timestamp=2**40, ssrc=7, mid=mid
    )
    body = payload(size=size, frame=9, first=True, key=True, counter=counter, sent_ns=sent)
    assert len(body) == size
    assert read_stamp(header + body) == (counter, sent)


@given(st.binary(max_size=200))
def test_foreign_packets_have_no_stamp(data: bytes) -> None:
    assert read_stamp(data) is None
