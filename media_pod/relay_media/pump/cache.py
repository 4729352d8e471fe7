"""The packets of one stream that can still be sent again."""

from __future__ import annotations

from relay_media.pump.interface import Arrival

SECONDS = 2.0
PACKETS = 2500


class PacketCache:
    """The newest packets by sequence number, bounded by count and age.

    One per published stream, whatever the number of subscribers. Slots are allocated as they are
    used, so a quiet stream costs little.
    """

    def __init__(self, packets: int = PACKETS, seconds: float = SECONDS) -> None:
        self._size = packets
        self._seconds = seconds
        self._slots: dict[int, Arrival] = {}

    def put(self, arrival: Arrival) -> None:
        self._slots[arrival.sequence % self._size] = arrival

    def has(self, sequence: int) -> bool:
        """Whether the slot holds this very packet, of whatever age."""
        found = self._slots.get(sequence % self._size)
        return found is not None and found.sequence == sequence

    def get(self, sequence: int, now: float) -> Arrival | None:
        found = self._slots.get(sequence % self._size)
        if found is None or found.sequence != sequence or now - found.at > self._seconds:
            return None
        return found

    def clear(self) -> None:
        self._slots.clear()
