"""A VP8-shaped stream: frames at a steady rate, cut into packets, sent in bursts like a browser's.

The bytes are no picture. Each payload has a real VP8 descriptor and frame header, so that a server
may look for key frames, and then a counter and a send time that a receiver checks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

FRAMES_PER_SECOND = 30
TICK_SECONDS = 0.004
#: libwebrtc's pacer drains at 2.5 times the target rate (modules/pacing), so a frame takes 13 ms.
PACING_FACTOR = 2.5
CLOCK = 90_000

_MAGIC = b"relaybench"
_STAMP = struct.Struct("!10sQQ")
_DESCRIPTOR = 4
_FRAME_HEADER = 10
_STAMP_AT = _DESCRIPTOR + _FRAME_HEADER


@dataclass(frozen=True, kw_only=True)
class Due:
    """One packet to send now: ``first`` and ``last`` of its frame are told apart."""

    frame: int
    first: bool
    last: bool


class Schedule:
    """Which packets are due at a moment. Pure: time comes from the caller, in seconds from 0."""

    def __init__(self, packets_per_second: int) -> None:
        self._rate = packets_per_second
        self._sent = 0
        self._in_frame = 0
        self._frame = 0

    @property
    def between_frames(self) -> bool:
        """True when every packet of the frames begun so far was handed out."""
        return self._in_frame == 0

    def due(self, elapsed: float) -> list[Due]:
        """The packets whose time has come; a late caller gets what it missed."""
        out: list[Due] = []
        while True:
            size = self._size(self._frame)
            start = self._frame / FRAMES_PER_SECOND
            step = 1 / (self._rate * PACING_FACTOR)
            if elapsed < start + self._in_frame * step:
                return out
            if size == 0:
                self._frame += 1
                continue
            last = self._in_frame == size - 1
            out.append(Due(frame=self._frame, first=self._in_frame == 0, last=last))
            self._in_frame = 0 if last else self._in_frame + 1
            self._frame += last

    def _size(self, frame: int) -> int:
        """Packets in this frame: the fraction left over is carried, so the rate is exact."""
        rate = self._rate
        return (frame + 1) * rate // FRAMES_PER_SECOND - frame * rate // FRAMES_PER_SECOND


def payload(*, size: int, frame: int, first: bool, key: bool, counter: int, sent_ns: int) -> bytes:
    """A VP8 payload (RFC 7741 section 4.2) of ``size`` bytes, 15-bit picture id."""
    picture = frame & 0x7FFF
    descriptor = bytes((0x90 if first else 0x80, 0x80, 0x80 | picture >> 8, picture & 0xFF))
    # Frame tag (RFC 6386 section 9.1): bit 0 clear says key frame; then start code, 640x360.
    header = bytes((0x10 if key else 0x11, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01))
    stamp = _STAMP.pack(_MAGIC, counter, sent_ns)
    return (descriptor + header + stamp).ljust(size, b"\xa5")


def read_stamp(packet: bytes) -> tuple[int, int] | None:
    """(counter, sent_ns) of a decrypted RTP packet made here; None if its bytes were changed."""
    if len(packet) < 12:
        return None
    at = 12 + 4 * (packet[0] & 15)
    if packet[0] & 16:
        if len(packet) < at + 4:
            return None
        at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
    at += _STAMP_AT
    if len(packet) < at + _STAMP.size:
        return None
    magic, counter, sent_ns = _STAMP.unpack_from(packet, at)
    return (counter, sent_ns) if magic == _MAGIC else None


def rtp_header(
    *, payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, mid: bytes
) -> bytes:
    """A header with the MID as its one one-byte extension, id 3 (RFC 8285, RFC 8843)."""
    element = bytes((0x30 | len(mid) - 1,)) + mid
    element += bytes(-len(element) % 4)
    return (
        struct.pack(
            "!BBHLL",
            0x90,
            payload_type | (0x80 if marker else 0),
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        + struct.pack("!HH", 0xBEDE, len(element) // 4)
        + element
    )
