"""The RTP header (RFC 3550 §5.1, RFC 8285 §4)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from relay_media.rtp.errors import FormatError

Buffer = bytes | bytearray | memoryview

_FIXED = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_REWRITE = struct.Struct("!BHLL")


class Header(NamedTuple):
    """One parsed header; offsets and lengths are in bytes from the start of the packet."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    csrc_count: int
    extension_profile: int
    """0 without an extension; 0xBEDE one-byte, 0x1000..0x100F two-byte elements."""
    extension_offset: int
    """Of the first element, after profile and length."""
    extension_length: int
    payload_offset: int
    padding: int
    """Octets at the end that are padding, its count octet included."""


def is_rtp_or_rtcp(first: int) -> bool:
    """By the first byte (RFC 7983 §7)."""
    return 128 <= first <= 191


def is_rtcp(second: int) -> bool:
    """By the second byte, among packets of version 2 (RFC 5761 §4)."""
    return 192 <= second <= 223


def parse_header(data: Buffer) -> Header:
    """Read the header of a whole, decrypted packet.

    Raises:
        FormatError: too short, not version 2, or a length that leaves the packet.
    """
    size = len(data)
    if size < 12:
        raise FormatError("an RTP packet is at least 12 bytes")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise FormatError("RTP version is not 2")
    offset = 12 + 4 * (first & 15)
    profile = extension_offset = extension_length = padding = 0
    if first & 0x10:
        if size < offset + 4:
            raise FormatError("the header extension does not fit the packet")
        profile, words = _EXTENSION.unpack_from(data, offset)
        extension_offset = offset + 4
        extension_length = 4 * words
        offset = extension_offset + extension_length
    if offset > size:
        raise FormatError("the header does not fit the packet")
    if first & 0x20:
        padding = data[size - 1]
        if not 0 < padding <= size - offset:
            raise FormatError("the padding does not fit the packet")
    return Header(
        bool(second & 0x80),
        second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        first & 15,
        profile,
        extension_offset,
        extension_length,
        offset,
        padding,
    )


def rewrite(
    packet: bytearray | memoryview,
    *,
    marker: bool,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
) -> None:
    """Overwrite these fields in place; ``packet`` is one that :func:`parse_header` took."""
    second = payload_type | 0x80 if marker else payload_type
    _REWRITE.pack_into(packet, 1, second, sequence, timestamp, ssrc)


def build(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool = False,
    extension: bytes = b"",
) -> bytes:
    """A packet; ``extension`` is a block made by :func:`extensions.build_block`, or nothing."""
    first = 0x90 if extension else 0x80
    second = payload_type | 0x80 if marker else payload_type
    return _FIXED.pack(first, second, sequence, timestamp, ssrc) + extension + payload


def unwrap_rtx(packet: Buffer, header: Header, *, payload_type: int, ssrc: int) -> bytearray:
    """The packet that an RTX packet repeats (RFC 4588 §4): its OSN becomes the sequence number.

    Raises:
        FormatError: no room for the OSN: padding that only probes the path.
    """
    start = header.payload_offset
    end = len(packet) - header.padding
    if end - start < 2:
        raise FormatError("an RTX packet without an original sequence number")
    out = bytearray(packet[:start])
    out += packet[start + 2 : end]
    out[0] &= ~0x20 & 0xFF
    sequence = packet[start] << 8 | packet[start + 1]
    rewrite(
        out,
        marker=header.marker,
        payload_type=payload_type,
        sequence=sequence,
        timestamp=header.timestamp,
        ssrc=ssrc,
    )
    return out
