"""How much one connection may ask for: token buckets. Pure: the time comes in as an argument."""

from __future__ import annotations


class TokenBucket:
    """``rate`` per second on average, ``burst`` at once."""

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False when none is left."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class ConnectionLimits:
    """Limits of one WebSocket: any message, and the dear ones (offers and answers: SDP)."""

    MESSAGES_PER_SECOND = 50.0
    MESSAGES_BURST = 200.0
    DESCRIPTIONS_PER_SECOND = 5.0
    DESCRIPTIONS_BURST = 20.0
    #: Refused messages after which the connection is closed: it is not a client any more.
    MAX_REFUSED = 200

    def __init__(self, now: float) -> None:
        self._messages = TokenBucket(
            rate=self.MESSAGES_PER_SECOND, burst=self.MESSAGES_BURST, now=now
        )
        self._descriptions = TokenBucket(
            rate=self.DESCRIPTIONS_PER_SECOND, burst=self.DESCRIPTIONS_BURST, now=now
        )
        self._refused = 0

    def allow_message(self, now: float) -> bool:
        return self._messages.take(now)

    def allow_description(self, now: float) -> bool:
        return self._descriptions.take(now)

    def refuse(self) -> bool:
        """Count a refused message; True when the connection has used up all patience."""
        self._refused += 1
        return self._refused > self.MAX_REFUSED
