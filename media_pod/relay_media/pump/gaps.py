"""Which packets of a source are missing, and when to ask for each again."""

from __future__ import annotations

MAX_MISSING = 500
"""More than this at once is no loss to repair but a stream to begin anew."""
MAX_TRIES = 10
MAX_SECONDS = 2.0
MIN_INTERVAL = 0.02


class _Gap:
    __slots__ = ("asked", "since", "tries")

    def __init__(self, since: float) -> None:
        self.since = since
        self.asked = 0.0
        self.tries = 0


class Gaps:
    """Missing sequence numbers (unwrapped). Every number is asked for at once, then each RTT."""

    def __init__(self) -> None:
        self._missing: dict[int, _Gap] = {}
        self.hopeless = False
        """More was lost than repair is worth; whoever asks for a key frame clears it."""
        self.rtt = 0.1
        """Seconds from asking to repair, smoothed; 0.1 before the first."""

    def __len__(self) -> int:
        return len(self._missing)

    def add(self, first: int, stop: int, now: float) -> bool:
        """Note ``first .. stop - 1`` as missing; False if there are too many to repair."""
        if len(self._missing) + stop - first > MAX_MISSING:
            self._missing.clear()
            self.hopeless = True
            return False
        for sequence in range(first, stop):
            self._missing[sequence] = _Gap(now)
        return True

    def fill(self, sequence: int, now: float) -> bool:
        """The packet came after all; True if it had been asked for."""
        gap = self._missing.pop(sequence, None)
        if gap is None or not gap.tries:
            return False
        if gap.tries == 1:
            # Only an answer to a single question times the round trip (Karn's rule).
            self.rtt += (min(now - gap.asked, 1.0) - self.rtt) / 4
        return True

    def due(self, now: float) -> list[int]:
        """Numbers to ask for now, in order; those asked in vain for too long are given up."""
        if not self._missing:
            return []
        interval = max(MIN_INTERVAL, self.rtt * 1.25)
        asked: list[int] = []
        for sequence, gap in list(self._missing.items()):
            if gap.tries >= MAX_TRIES or now - gap.since > MAX_SECONDS:
                del self._missing[sequence]
            elif not gap.tries or now - gap.asked >= interval:
                gap.tries += 1
                gap.asked = now
                asked.append(sequence)
        return sorted(asked)

    def clear(self) -> None:
        self._missing.clear()
