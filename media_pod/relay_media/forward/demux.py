"""Which m-line a packet of a new SSRC belongs to (RFC 8843 §9.2)."""

from __future__ import annotations

from collections.abc import Iterable

from relay_media.forward.published import PublishedStream
from relay_media.rtp import extensions
from relay_media.rtp.header import Header, parse_header


def assign(data: bytes, streams: Iterable[PublishedStream]) -> bool:
    """Open the source, or its repair, that this packet shows; False if it belongs nowhere (yet).

    The MID extension decides, else an SSRC from the description, else a payload type that only
    one m-line has. A packet whose MID is not known is kept out rather than guessed at.

    Raises:
        FormatError: it is no RTP packet.
    """
    header = parse_header(data)
    lines = [stream for stream in streams if not stream.closed]
    line = _line(data, header, lines)
    if line is None:
        return False
    for codec in line.spec.codecs:
        if header.payload_type == codec.pt:
            return line.open_source(header.ssrc, codec)
        if header.payload_type == codec.rtx_pt:
            return line.open_repair(header.ssrc)
    return False


def mid_of(data: bytes, header: Header, lines: Iterable[PublishedStream]) -> str | None:
    """The packet's MID under any id that was negotiated for it."""
    ids = {i for line in lines for i, uri in line.spec.extensions.items() if uri == extensions.MID}
    for identity in ids:
        mid = extensions.find_text(data, header, identity)
        if mid:
            return mid
    return None


def _line(data: bytes, header: Header, lines: list[PublishedStream]) -> PublishedStream | None:
    mid = mid_of(data, header, lines)
    if mid is not None:
        return next((line for line in lines if line.spec.mid == mid), None)
    for line in lines:
        if header.ssrc in line.spec.ssrcs or header.ssrc in line.spec.rtx_ssrcs.values():
            return line
    candidates = [
        line
        for line in lines
        if any(header.payload_type in {codec.pt, codec.rtx_pt} for codec in line.spec.codecs)
    ]
    return candidates[0] if len(candidates) == 1 else None
