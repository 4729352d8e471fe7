"""One source's way out to one subscriber: own SSRC, own numbers, no gaps of our making."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from relay_media.pump.interface import Arrival, SinkRule
from relay_media.pump.plan import ExtensionPlan
from relay_media.rtp.arithmetic import extend_sequence, timestamp_delta

if TYPE_CHECKING:
    from relay_media.pump.link import Link
    from relay_media.pump.source import Source

_RESENDS_PER_SECOND = 500.0
_MIN_RESEND_INTERVAL = 0.02
_REMEMBERED_RESENDS = 1024


class _Segment(NamedTuple):
    """From ``first`` (outgoing, unwrapped) on, this is how numbers are shifted."""

    first: int
    sequence_shift: int
    timestamp_shift: int


class Sink:
    """Made by :meth:`Link.open_sink`; moves to another source by :meth:`attach`."""

    def __init__(self, link: Link, rule: SinkRule) -> None:
        self.link = link
        self.rule = rule
        self.plan = ExtensionPlan({}, {})
        self.packets = 0
        self.octets = 0
        self.retransmitted = 0
        self.last_timestamp: int | None = None
        self.last_sent_at = 0.0
        self.timestamp_shift = 0
        self.source: Source | None = None
        self._waiting = True
        self._first = 0
        self._highest = 0x10000 + secrets.randbelow(0x8000)
        self._shift = 0
        self._segments: deque[_Segment] = deque(maxlen=16)
        self._rtx_sequence = secrets.randbelow(0x8000)
        self._resent: dict[int, float] = {}
        self._budget = _RESENDS_PER_SECOND
        self._budget_at = 0.0
        self._same_clock = False

    @property
    def waiting(self) -> bool:
        """Nothing passes until the next key frame (video) or packet (audio)."""
        return self._waiting

    def attach(self, source: Source | None) -> None:
        """Take packets from this source from its next key frame on, or from none."""
        if self.source is not None:
            self.source.sinks.remove(self)
        self.source = source
        self._same_clock = False
        # What went out before belongs to a cache that is not at hand any more.
        self._segments.clear()
        self.restart()
        if source is not None:
            self.plan = ExtensionPlan(source.rule.extensions, self.rule.extensions)
            source.sinks.append(self)

    def restart(self) -> None:
        """Leave out what follows until a subscriber can begin with it."""
        self._waiting = True

    def forward(
        self, batch: Sequence[Arrival], packets: Sequence[bytes | bytearray], now: float
    ) -> None:
        """Send a source's batch; ``packets`` holds each arrival's bytes as our plan wants them."""
        if self._waiting:
            batch, packets = self._begin(batch, packets, now)
        first, shift, shift_time = self._first, self._shift, self.timestamp_shift
        payload_type = self.rule.payload_type
        items = [
            (
                packet,
                arrival.marker | payload_type,
                arrival.sequence + shift & 0xFFFF,
                arrival.timestamp + shift_time & 0xFFFFFFFF,
            )
            for arrival, packet in zip(batch, packets, strict=True)
            if arrival.sequence >= first
        ]
        if not items:
            return
        sent, octets = self.link.send_rtp(items, self.rule.ssrc)
        self.packets += sent
        self.octets += octets
        newest = max(arrival.sequence for arrival in batch)
        if newest + shift > self._highest:
            self._highest = newest + shift
            self.last_timestamp = items[-1][3]
            self.last_sent_at = now

    def _begin(
        self, batch: Sequence[Arrival], packets: Sequence[bytes | bytearray], now: float
    ) -> tuple[Sequence[Arrival], Sequence[bytes | bytearray]]:
        """Find where to start; numbers go on from the last that was sent."""
        source = self.source
        if source is None:
            return (), ()
        start = next(
            (a for a in batch if a.starts_keyframe or not source.rule.is_video),
            None,
        )
        if start is None:
            return (), ()
        self._waiting = False
        self._first = start.sequence
        self._shift = self._highest + 1 - start.sequence
        if not self._same_clock:
            self._same_clock = True
            self.timestamp_shift = self._time_shift(start, now)
        self._segments.append(
            _Segment(start.sequence + self._shift, self._shift, self.timestamp_shift)
        )
        if source.highest is None or source.highest - start.sequence < len(batch):
            return batch, packets
        # The key frame's first packet was repaired: what overtook it is in the cache.
        later = (source.cache.get(s, now) for s in range(start.sequence, source.highest + 1))
        found = [arrival for arrival in later if arrival is not None]
        return found, [self.plan.apply(arrival) for arrival in found]

    def _time_shift(self, start: Arrival, now: float) -> int:
        """So that the new source's clock goes on where the old one's stood."""
        if self.last_timestamp is None or self.source is None:
            return secrets.randbits(32)
        elapsed = max(1, int((now - self.last_sent_at) * self.source.rule.clock_rate))
        return timestamp_delta(self.last_timestamp + elapsed & 0xFFFFFFFF, start.timestamp)

    def resend(self, sequences: Sequence[int], now: float) -> int:
        """Send these (outgoing, 16 bit) again, as RTX if agreed; returns how many were."""
        self._budget = min(
            _RESENDS_PER_SECOND, self._budget + (now - self._budget_at) * _RESENDS_PER_SECOND
        )
        self._budget_at = now
        count = 0
        for short in sequences:
            if self._budget < 1:
                break
            count += self._resend_one(extend_sequence(short, self._highest), now)
        self.retransmitted += count
        return count

    def _resend_one(self, sequence: int, now: float) -> bool:
        source = self.source
        segment = next((s for s in reversed(self._segments) if s.first <= sequence), None)
        if source is None or segment is None or sequence > self._highest:
            return False
        if now - self._resent.get(sequence, 0.0) < _MIN_RESEND_INTERVAL:
            return False
        arrival = source.cache.get(sequence - segment.sequence_shift, now)
        if arrival is None:
            return False
        if len(self._resent) >= _REMEMBERED_RESENDS:
            self._resent.clear()
        self._resent[sequence] = now
        self._budget -= 1
        timestamp = arrival.timestamp + segment.timestamp_shift & 0xFFFFFFFF
        rule = self.rule
        if rule.rtx_ssrc is None or rule.rtx_payload_type is None:
            packet = self.plan.apply(arrival)
            second = arrival.marker | rule.payload_type
            item = (packet, second, sequence & 0xFFFF, timestamp)
            return self.link.send_rtp([item], rule.ssrc)[0] == 1
        packet = bytearray(self.plan.apply(arrival, now))
        start = arrival.header.payload_offset
        packet[start:start] = (sequence & 0xFFFF).to_bytes(2, "big")
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        item = (packet, arrival.marker | rule.rtx_payload_type, self._rtx_sequence, timestamp)
        return self.link.send_rtp([item], rule.rtx_ssrc)[0] == 1
