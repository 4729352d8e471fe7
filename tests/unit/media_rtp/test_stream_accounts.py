"""The pure accounts behind a stream: gaps, loss, key frame requests, allowance, cache."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from relay_media.forward.bitrate import BitrateEstimate
from relay_media.forward.keyframes import KeyframeRequests
from relay_media.pump.cache import PacketCache
from relay_media.pump.gaps import MAX_TRIES, Gaps
from relay_media.pump.interface import Arrival
from relay_media.pump.reception import Reception
from relay_media.rtp import header
from relay_media.rtp.arithmetic import extend_sequence, sequence_delta, timestamp_delta


def arrival(sequence: int, at: float = 0.0) -> Arrival:
    data = header.build(
        payload_type=96, sequence=sequence & 0xFFFF, timestamp=0, ssrc=1, payload=b""
    )
    return Arrival(sequence, 0, 0, False, at, header.parse_header(data), data)


@given(st.integers(0, 2**40), st.integers(-0x8000, 0x7FFF))
def test_numbers_are_extended_across_every_wrap(base: int, step: int) -> None:
    base += 0x10000
    assert extend_sequence((base + step) & 0xFFFF, base) == base + step
    assert sequence_delta((base + step) & 0xFFFF, base & 0xFFFF) == step


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_timestamps_differ_by_what_was_added(base: int, step: int) -> None:
    assert timestamp_delta((base + step) & 0xFFFFFFFF, base) == step


def test_a_gap_is_asked_for_at_once_then_by_round_trips_then_given_up() -> None:
    gaps = Gaps()
    gaps.add(10, 13, 0.0)
    assert gaps.due(0.0) == [10, 11, 12]
    assert gaps.due(0.01) == []
    assert gaps.fill(11, 0.05)
    asked = 1
    now = 0.0
    while len(gaps):
        now += 0.01
        asked += gaps.due(now) == [10, 12]
    assert 2 <= asked <= MAX_TRIES
    assert now <= 2.1
    assert gaps.rtt < 0.1


def test_a_hole_too_large_to_repair_is_not_asked_for() -> None:
    gaps = Gaps()
    assert not gaps.add(0, 501, 0.0)
    assert gaps.due(0.0) == []


def test_loss_is_counted_as_rfc_3550_counts_it() -> None:
    reception = Reception(90000)
    for n in (100, 101, 104, 103):
        reception.update(n, n * 3000, 100, n / 30)
    assert (reception.expected, reception.lost) == (5, 1)
    assert reception.fraction_lost() == 256 // 5
    assert reception.fraction_lost() == 0
    assert reception.jitter < 90


def test_jitter_grows_with_uneven_arrival() -> None:
    even, uneven = Reception(90000), Reception(90000)
    for n in range(100):
        even.update(n, n * 3000, 1, n / 30)
        uneven.update(n, n * 3000, 1, n / 30 + (n % 2) * 0.02)
    assert even.jitter_seconds < 0.001 < 0.01 < uneven.jitter_seconds


def test_a_sender_that_begins_anew_loses_nothing() -> None:
    reception = Reception(90000)
    reception.update(100, 0, 1, 0)
    reception.update(102, 0, 1, 0)
    reception.restart(9000)
    reception.update(9000, 0, 1, 0)
    assert reception.lost == 1


def test_requests_of_a_moment_become_one_and_repeat_more_slowly_at_last() -> None:
    requests = KeyframeRequests()
    assert not requests.due(0.0)
    sent = []
    for step in range(2000):
        requests.want()
        if requests.due(step / 100):
            sent.append(step / 100)
    assert sent[0] == 0.0
    assert all(b - a >= 0.499 for a, b in pairwise(sent))
    assert sent[-1] - sent[-2] >= 1.99
    requests.arrived()
    assert not requests.due(100.0)


def test_the_allowance_grows_to_its_maximum_and_falls_with_loss() -> None:
    estimate = BitrateEstimate(maximum=2_500_000)
    for _ in range(10):
        estimate.update(received_bps=estimate.bps, fraction_lost=0.0)
    assert estimate.bps == 2_500_000
    for _ in range(30):
        estimate.update(received_bps=400_000, fraction_lost=0.3)
    assert 100_000 < estimate.bps < 400_000


def test_the_allowance_of_a_still_picture_grows_too_but_slowly() -> None:
    busy, still = BitrateEstimate(maximum=2_500_000), BitrateEstimate(maximum=2_500_000)
    for _ in range(4):
        busy.update(received_bps=busy.bps, fraction_lost=0.0)
        still.update(received_bps=10_000, fraction_lost=0.0)
    assert 1_200_000 < still.bps < busy.bps


@given(st.lists(st.integers(0, 400), max_size=200))
def test_the_cache_returns_a_packet_or_nothing_but_never_another(sequences: list[int]) -> None:
    cache = PacketCache(packets=50, seconds=2.0)
    for n in sequences:
        cache.put(arrival(n))
    for n in range(401):
        found = cache.get(n, 1.0)
        assert found is None or found.sequence == n
    assert len(cache._slots) <= 50


def test_the_cache_forgets_what_is_older_than_two_seconds() -> None:
    cache = PacketCache()
    cache.put(arrival(5, at=10.0))
    assert cache.get(5, 11.9) is not None
    assert cache.get(5, 12.1) is None
