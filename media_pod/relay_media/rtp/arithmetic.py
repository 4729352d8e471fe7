"""Numbers that wrap: 16-bit sequence numbers, 32-bit timestamps, 64-bit NTP time."""

from __future__ import annotations

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01."""


def sequence_delta(newer: int, older: int) -> int:
    """How far ``newer`` is ahead of ``older``, -32768..32767 (RFC 3550 §A.1)."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def extend_sequence(sequence: int, highest: int) -> int:
    """The unwrapped number with these low 16 bits that is nearest to ``highest``."""
    return highest + sequence_delta(sequence, highest & 0xFFFF)


def timestamp_delta(newer: int, older: int) -> int:
    """How far ``newer`` is ahead of ``older``, -2^31..2^31-1 clock ticks."""
    return ((newer - older + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def ntp_from_unix(seconds: float) -> int:
    """64-bit NTP timestamp (32.32) of a Unix time in seconds."""
    whole = int(seconds)
    return ((whole + NTP_EPOCH) << 32 | int((seconds - whole) * (1 << 32))) & 0xFFFF_FFFF_FFFF_FFFF


def middle_ntp(ntp: int) -> int:
    """The middle 32 bits, as LSR carries them (RFC 3550 §6.4.1)."""
    return (ntp >> 16) & 0xFFFF_FFFF


def absolute_send_time(seconds: float) -> int:
    """The 24-bit 6.18 fixed-point time of the abs-send-time extension."""
    return int(seconds * (1 << 18)) & 0xFF_FFFF
