"""The few RTCP packets that a browser sends by itself (RFC 3550, RFC 4585). Pure."""

from __future__ import annotations

import struct

_NTP_EPOCH = 2_208_988_800


def receiver_report(*, own: int, media: int, highest_sequence: int) -> bytes:
    """A receiver report of a loss-free stream, followed by a REMB of 50 Mbit/s."""
    block = struct.pack("!LLLLLL", media, 0, highest_sequence & 0xFFFFFFFF, 0, 0, 0)
    report = struct.pack("!BBHL", 0x81, 201, 7, own) + block
    return report + _remb(own=own, media=media, bits_per_second=50_000_000)


def _remb(*, own: int, media: int, bits_per_second: int) -> bytes:
    exponent = max(0, bits_per_second.bit_length() - 18)
    mantissa = bits_per_second >> exponent
    fci = b"REMB" + struct.pack("!L", 1 << 24 | exponent << 18 | mantissa)
    fci += struct.pack("!L", media)
    return struct.pack("!BBHLL", 0x8F, 206, 2 + len(fci) // 4, own, 0) + fci


def sender_report(
    *, own: int, unix_seconds: float, rtp_timestamp: int, packets: int, octets: int
) -> bytes:
    """A sender report and the CNAME that belongs with it."""
    ntp = int((unix_seconds + _NTP_EPOCH) * 2**32)
    report = struct.pack(
        "!BBHLQLLL",
        0x80,
        200,
        6,
        own,
        ntp,
        rtp_timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    chunk = struct.pack("!L", own) + b"\x01\x05bench\x00"
    chunk += bytes(-len(chunk) % 4)
    return report + struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk


def asks_for_keyframe(compound: bytes) -> bool:
    """Whether a decrypted compound packet holds a PLI or a FIR (RFC 4585 6.3.1, RFC 5104 4.3.1)."""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        if kind == 206 and first & 31 in (1, 4):
            return True
        at += 4 + 4 * words
    return False
