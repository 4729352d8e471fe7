"""RTCP compound packets, read and written (RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3, REMB)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from relay_media.rtp.errors import FormatError
from relay_media.rtp.header import Buffer

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK, _PLI, _FIR, _AFB = 1, 1, 4, 15
_SENDER = struct.Struct("!LQLLL")
_REPORT = struct.Struct("!LB3sLLLL")
_PAIR = struct.Struct("!LL")
_CNAME = 1
MAX_NACKS = 17 * 90
"""Sequence numbers that one NACK packet is read for; a lying list is cut there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportBlock:
    """What one receiver saw of one SSRC. ``fraction_lost`` is in 1/256, ``jitter`` in ticks."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int
    """In 1/65536 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    """64-bit NTP time."""
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverReport:
    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceDescription:
    """SDES with the CNAME alone, for one SSRC."""

    ssrc: int
    cname: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Nack:
    ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureLoss:
    ssrc: int
    media_ssrc: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FullIntraRequest:
    ssrc: int
    entries: tuple[tuple[int, int], ...]
    """(media SSRC, command sequence number)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaximumBitrate:
    """REMB (draft-alvestrand-rmcat-remb-03): what the receiver can take, over these SSRCs."""

    ssrc: int
    bitrate: int
    """bit/s; up to 2^81 can be written by a liar."""
    media_ssrcs: tuple[int, ...]


Packet = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Nack
    | PictureLoss
    | FullIntraRequest
    | MaximumBitrate
)


def parse_compound(data: Buffer) -> list[Packet]:
    """Read every packet of a decrypted compound; kinds that are not known are skipped.

    Raises:
        FormatError: a length or count leaves the compound, or a version is not 2.
    """
    view = bytes(data)
    if not view:
        raise FormatError("an RTCP compound has at least 4 bytes")
    packets: list[Packet] = []
    at = 0
    while at < len(view):
        if at + 4 > len(view):
            raise FormatError("an RTCP header is 4 bytes")
        first, kind = view[at], view[at + 1]
        end = at + 4 + 4 * int.from_bytes(view[at + 2 : at + 4], "big")
        if first >> 6 != 2:
            raise FormatError("RTCP version is not 2")
        if end > len(view):
            raise FormatError("an RTCP packet leaves its compound")
        body = view[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise FormatError("the RTCP padding does not fit")
            body = body[: -body[-1]]
        try:
            packet = _parse(kind, first & 31, body)
        except struct.error:
            raise FormatError("an RTCP packet is too short for its kind") from None
        if packet is not None:
            packets.append(packet)
        at = end
    return packets


def _parse(kind: int, count: int, body: bytes) -> Packet | None:  # noqa: PLR0911
    if kind == _SR:
        ssrc, ntp, timestamp, sent, octets = _SENDER.unpack_from(body)
        return SenderReport(
            ssrc=ssrc,
            ntp=ntp,
            rtp_timestamp=timestamp,
            packets=sent,
            octets=octets,
            reports=_reports(body, _SENDER.size, count),
        )
    if kind == _RR:
        return ReceiverReport(
            ssrc=int.from_bytes(_take(body, 0, 4), "big"), reports=_reports(body, 4, count)
        )
    if kind == _SDES:
        return _sdes(body) if count else None
    if kind == _BYE:
        return Bye(ssrcs=struct.unpack_from(f"!{count}L", body))
    if kind == _RTPFB and count == _NACK:
        ssrc, media = _PAIR.unpack_from(body)
        return Nack(ssrc=ssrc, media_ssrc=media, lost=_lost(body[8:]))
    if kind == _PSFB:
        return _payload_feedback(count, body)
    return None


def _payload_feedback(count: int, body: bytes) -> Packet | None:
    ssrc, media = _PAIR.unpack_from(body)
    if count == _PLI:
        return PictureLoss(ssrc=ssrc, media_ssrc=media)
    if count == _FIR:
        entries = [(e[0], e[1] >> 24) for e in _PAIR.iter_unpack(body[8 : len(body) & ~7])]
        return FullIntraRequest(ssrc=ssrc, entries=tuple(entries))
    if count == _AFB and body[8:12] == b"REMB":
        word = int.from_bytes(_take(body, 12, 4), "big")
        media_ssrcs = struct.unpack_from(f"!{word >> 24}L", body, 16)
        bitrate = (word & 0x3FFFF) << ((word >> 18) & 63)
        return MaximumBitrate(ssrc=ssrc, bitrate=bitrate, media_ssrcs=media_ssrcs)
    return None


def _take(body: bytes, start: int, size: int) -> bytes:
    if len(body) < start + size:
        raise FormatError("an RTCP packet is too short for its kind")
    return body[start : start + size]


def _reports(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, fraction, lost, highest, jitter, last, delay = _REPORT.unpack_from(
            body, start + index * _REPORT.size
        )
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=fraction,
                lost=int.from_bytes(lost, "big", signed=True),
                highest_sequence=highest,
                jitter=jitter,
                last_sr=last,
                delay_since_last_sr=delay,
            )
        )
    return tuple(blocks)


def _sdes(body: bytes) -> SourceDescription | None:
    """The first chunk's CNAME; the rest tells a forwarder nothing."""
    ssrc = int.from_bytes(_take(body, 0, 4), "big")
    at = 4
    while at < len(body) and body[at]:
        kind, size = _take(body, at, 2)
        value = _take(body, at + 2, size)
        if kind == _CNAME:
            return SourceDescription(ssrc=ssrc, cname=value.decode("utf-8", "replace"))
        at += 2 + size
    return None


def _lost(items: bytes) -> tuple[int, ...]:
    """Sequence numbers of a generic NACK's PID/BLP pairs (RFC 4585 §6.2.1)."""
    lost: list[int] = []
    for first, mask in struct.iter_unpack("!HH", items[: len(items) & ~3]):
        lost.append(first)
        lost.extend((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
        if len(lost) >= MAX_NACKS:
            return tuple(lost[:MAX_NACKS])
    return tuple(lost)
