"""The m-lines that streams come in and go out on, and what is counted of them. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CodecSpec:
    """One codec of an m-line, with the payload types that the peer in question uses.

    Attributes:
        pt: RTP payload type, 0..127.
        name: ``opus``, ``VP8``, ``H264``; compared without regard to case.
        clock_rate: RTP clock in Hz.
        rtx_pt: payload type of its retransmissions (RFC 4588), or None without RTX.
        fmtp: format parameters as written, without interpretation.
    """

    pt: int
    name: str
    clock_rate: int
    rtx_pt: int | None = None
    fmtp: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReceiveSpec:
    """An m-line on which a peer publishes.

    Attributes:
        mid: the m-line's ``a=mid``; packets that carry the MID extension are mapped by it.
        kind: ``audio`` or ``video``.
        codecs: what our answer accepted, most wanted first.
        extensions: RTP header extension id (1..255) -> URI, as negotiated on this m-line.
        ssrcs: SSRCs of the m-line from ``a=ssrc``, media and RTX alike; may be empty.
        rtx_ssrcs: media SSRC -> its RTX SSRC, from ``a=ssrc-group:FID``; may be empty.
    """

    mid: str
    kind: str
    codecs: tuple[CodecSpec, ...]
    extensions: Mapping[int, str] = field(default_factory=dict)
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SendSpec:
    """An m-line on which a peer is sent a published stream.

    Attributes:
        mid: the m-line's ``a=mid`` in the peer's own session.
        ssrc: the SSRC our offer named for it.
        rtx_ssrc: the SSRC for retransmissions, or None to repeat on ``ssrc`` itself.
        codecs: what the peer's answer accepted; the one with the published codec's name is used.
            A stream whose codec is not among them is not forwarded.
        extensions: RTP header extension id -> URI, as negotiated with this peer.
        cname: canonical name for SDES; the same for every stream of one publisher (lip sync).
    """

    mid: str
    ssrc: int
    rtx_ssrc: int | None
    codecs: tuple[CodecSpec, ...]
    extensions: Mapping[int, str] = field(default_factory=dict)
    cname: str


@dataclass(frozen=True, kw_only=True)
class ReceiveStats:
    """A published stream, as it came in."""

    packets: int
    bytes: int
    lost: int
    """Cumulative loss after repair (RFC 3550 §6.4.1); may be negative with duplicates."""
    jitter_seconds: float
    bitrate_bps: int
    """Over the last measuring interval (about 0.5 s)."""
    nacks_sent: int
    packets_repaired: int
    keyframe_requests_sent: int
    keyframes: int
    estimate_bps: int | None
    """What the publisher was last allowed by REMB; None for audio."""


@dataclass(frozen=True, kw_only=True)
class SendStats:
    """A published stream, as one subscriber was sent it."""

    packets: int
    bytes: int
    nacks_received: int
    """Sequence numbers asked for again."""
    retransmitted: int
    keyframe_requests_received: int
    fraction_lost: float
    """0..1, from the subscriber's last receiver report."""
    lost: int
    jitter_seconds: float
    rtt_seconds: float | None
    codec_missing: bool
    """True if the subscriber's answer lacks the published codec: nothing is sent."""
