"""What a publisher may send, from what arrived and what was lost.

Without any word from the receiver a browser stays at its start bitrate. This is the plain
loss-based half of the usual controller: up while hardly anything is lost, down with heavy loss.
"""

from __future__ import annotations

_START = 1_200_000
_FLOOR = 150_000
_GROWTH = 1.15
_IDLE_GROWTH = 1.05
_LOW_LOSS = 0.02
_HIGH_LOSS = 0.10


class BitrateEstimate:
    """In bit/s, for one video stream; updated about every 0.5 s."""

    def __init__(self, *, maximum: int) -> None:
        self._maximum = maximum
        self.bps = min(_START, maximum)

    def update(self, *, received_bps: int, fraction_lost: float) -> int:
        """Take one interval's rate and loss (0..1); returns the new allowance."""
        if fraction_lost > _HIGH_LOSS:
            within = min(self.bps, max(received_bps, _FLOOR))
            self.bps = max(_FLOOR, int(within * (1 - fraction_lost / 2)))
        elif fraction_lost < _LOW_LOSS:
            # Who uses less than half has tried little of the path above; yet a still picture must
            # not keep its sender at a low resolution, so it grows all the same.
            growth = _GROWTH if received_bps * 2 > self.bps else _IDLE_GROWTH
            self.bps = min(self._maximum, int(self.bps * growth))
        return self.bps
