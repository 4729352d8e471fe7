"""Writing RTCP compounds."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from relay_media.rtp.rtcp import (
    Bye,
    FullIntraRequest,
    MaximumBitrate,
    Nack,
    Packet,
    PictureLoss,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
)

_HEADER = struct.Struct("!BBH")
_REPORT = struct.Struct("!LB3sLLLL")


def build_compound(*packets: Packet) -> bytes:
    """The packets in this order. A compound for non-reduced-size RTCP begins with SR or RR."""
    return b"".join(_build(packet) for packet in packets)


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _build(packet: Packet) -> bytes:  # noqa: PLR0911
    match packet:
        case SenderReport():
            head = struct.pack(
                "!LQLLL",
                packet.ssrc,
                packet.ntp,
                packet.rtp_timestamp,
                packet.packets & 0xFFFF_FFFF,
                packet.octets & 0xFFFF_FFFF,
            )
            return _packet(len(packet.reports), 200, head + _reports(packet.reports))
        case ReceiverReport():
            head = struct.pack("!L", packet.ssrc)
            return _packet(len(packet.reports), 201, head + _reports(packet.reports))
        case SourceDescription():
            name = packet.cname.encode()[:255]
            chunk = struct.pack("!LBB", packet.ssrc, 1, len(name)) + name
            # Each chunk ends with at least one zero octet (RFC 3550 §6.5).
            return _packet(1, 202, chunk + bytes(4 - len(chunk) % 4))
        case Bye():
            body = struct.pack(f"!{len(packet.ssrcs)}L", *packet.ssrcs)
            return _packet(len(packet.ssrcs), 203, body)
        case Nack():
            body = struct.pack("!LL", packet.ssrc, packet.media_ssrc)
            return _packet(1, 205, body + _nack_items(packet.lost))
        case PictureLoss():
            return _packet(1, 206, struct.pack("!LL", packet.ssrc, packet.media_ssrc))
        case FullIntraRequest():
            body = struct.pack("!LL", packet.ssrc, 0)
            for media, number in packet.entries:
                body += struct.pack("!LL", media, (number & 0xFF) << 24)
            return _packet(4, 206, body)
        case MaximumBitrate():
            exponent = max(0, packet.bitrate.bit_length() - 18)
            mantissa = packet.bitrate >> exponent
            count = len(packet.media_ssrcs)
            body = struct.pack(
                f"!LL4sL{count}L",
                packet.ssrc,
                0,
                b"REMB",
                count << 24 | exponent << 18 | mantissa,
                *packet.media_ssrcs,
            )
            return _packet(15, 206, body)


def _reports(blocks: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _REPORT.pack(
            block.ssrc,
            block.fraction_lost,
            (max(-0x80_0000, min(0x7F_FFFF, block.lost)) & 0xFF_FFFF).to_bytes(3, "big"),
            block.highest_sequence & 0xFFFF_FFFF,
            min(block.jitter, 0xFFFF_FFFF),
            block.last_sr,
            block.delay_since_last_sr,
        )
        for block in blocks
    )


def _nack_items(lost: Sequence[int]) -> bytes:
    """PID/BLP pairs; numbers must be in order of sending for the pairs to be few."""
    items = bytearray()
    index = 0
    while index < len(lost):
        first = lost[index]
        mask = 0
        index += 1
        while index < len(lost) and 1 <= (lost[index] - first) & 0xFFFF <= 16:
            mask |= 1 << ((lost[index] - first) & 0xFFFF) - 1
            index += 1
        items += struct.pack("!HH", first, mask)
    return bytes(items)
