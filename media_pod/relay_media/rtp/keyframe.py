"""Does this packet begin a key frame? By the payload's first bytes, without decoding."""

from __future__ import annotations

from collections.abc import Callable

from relay_media.rtp.header import Buffer

Detector = Callable[[Buffer, int, int], bool]
"""(packet, payload start, payload end) -> the packet is the first of a key frame."""

_NAL_IDR = 5
_NAL_SPS = 7
_NAL_STAP_A = 24
_NAL_FU_A = 28


def vp8(packet: Buffer, start: int, end: int) -> bool:
    """S set, partition 0, and the inverse key frame bit clear (RFC 7741 §4.2, §4.3)."""
    if end - start < 2:
        return False
    first = packet[start]
    if first & 0x17 != 0x10:
        return False
    at = start + 1
    if first & 0x80:
        flags = packet[at]
        at += 1
        if flags & 0x80:
            if at >= end:
                return False
            at += 2 if packet[at] & 0x80 else 1
        at += bool(flags & 0x40)
        at += bool(flags & 0x30)
    return at < end and not packet[at] & 1


def h264(packet: Buffer, start: int, end: int) -> bool:
    """An SPS, or the start of an IDR slice, alone, in a STAP-A or in an FU-A (RFC 6184 §5)."""
    if end - start < 2:
        return False
    kind = packet[start] & 0x1F
    if kind == _NAL_FU_A:
        unit = packet[start + 1]
        return bool(unit & 0x80) and unit & 0x1F in {_NAL_IDR, _NAL_SPS}
    if kind != _NAL_STAP_A:
        return kind in {_NAL_IDR, _NAL_SPS}
    at = start + 1
    while at + 3 <= end:
        size = packet[at] << 8 | packet[at + 1]
        if packet[at + 2] & 0x1F in {_NAL_IDR, _NAL_SPS}:
            return True
        at += 2 + size
    return False


_DETECTORS: dict[str, Detector] = {"vp8": vp8, "h264": h264}


def detector(codec: str) -> Detector | None:
    """The detector for a codec's name; None where every packet may be a start (audio)."""
    return _DETECTORS.get(codec.lower())
