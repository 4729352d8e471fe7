"""What a receiver report says of one SSRC (RFC 3550 §6.4.1, §A.3, §A.8)."""

from __future__ import annotations

from relay_media.rtp.arithmetic import timestamp_delta


class Reception:
    """Counters of one source. Sequence numbers are unwrapped."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._base: int | None = None
        self.highest = 0
        self.packets = 0
        self.octets = 0
        self._jitter = 0.0
        self._last_timestamp: int | None = None
        self._last_arrival = 0.0
        self._expected_before = 0
        self._received_before = 0

    def update(self, sequence: int, timestamp: int, octets: int, now: float) -> None:
        if self._base is None:
            self._base = sequence
            self.highest = sequence
        self.packets += 1
        self.octets += octets
        if sequence < self.highest:
            return
        self.highest = sequence
        # Packets of one frame share a timestamp and leave in a burst: that is not jitter.
        if timestamp != self._last_timestamp:
            if self._last_timestamp is not None:
                elapsed = (now - self._last_arrival) * self._clock_rate
                difference = abs(elapsed - timestamp_delta(timestamp, self._last_timestamp))
                if difference < 10 * self._clock_rate:
                    self._jitter += (difference - self._jitter) / 16
            self._last_timestamp = timestamp
            self._last_arrival = now

    def restart(self, sequence: int) -> None:
        """The sender's numbers jumped: loss is counted from here on."""
        self._base = sequence - (self.packets + max(0, self.lost))
        self.highest = sequence - 1

    @property
    def expected(self) -> int:
        return 0 if self._base is None else self.highest - self._base + 1

    @property
    def lost(self) -> int:
        return self.expected - self.packets

    @property
    def jitter(self) -> int:
        """In clock ticks."""
        return int(self._jitter)

    @property
    def jitter_seconds(self) -> float:
        return self._jitter / self._clock_rate

    def fraction_lost(self) -> int:
        """In 1/256, since the last call."""
        expected = self.expected - self._expected_before
        received = self.packets - self._received_before
        self._expected_before = self.expected
        self._received_before = self.packets
        if expected <= 0 or received >= expected:
            return 0
        return min(255, ((expected - received) << 8) // expected)
