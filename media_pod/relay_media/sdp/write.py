"""Writes a session description. Pure; what it writes, the reader reads back to equal values."""

from __future__ import annotations

from collections.abc import Iterator

from relay_media.sdp.model import Candidate, Codec, Media, SdpError, Session


def write(session: Session) -> str:
    """The description as text, lines ended by CRLF.

    Raises:
        SdpError: a field holds a line break, which would let its author add attributes.
    """
    lines = list(_session(session))
    for media in session.media:
        lines.extend(_media(media))
    for line in lines:
        if "\r" in line or "\n" in line or "\0" in line:
            raise SdpError("a field holds a line break or a NUL: refuse it where it came in")
    return "\r\n".join(lines) + "\r\n"


def _session(session: Session) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {session.id} {session.version} IN IP4 127.0.0.1"
    yield "s=-"
    yield "t=0 0"
    if session.ice_lite:
        yield "a=ice-lite"
    if session.bundle:
        yield f"a=group:BUNDLE {' '.join(session.bundle)}"
    yield "a=msid-semantic: WMS *"


def _media(media: Media) -> Iterator[str]:
    formats = media.formats or [str(codec.pt) for codec in media.codecs]
    yield f"m={media.kind} {media.port} {media.protocol} {' '.join(formats)}"
    yield "c=IN IP4 0.0.0.0"
    if media.mid:
        yield f"a=mid:{media.mid}"
    yield f"a={media.direction}"
    yield from _transport(media)
    for extension in media.extensions:
        yield f"a=extmap:{extension.id} {extension.uri}"
    for codec in media.codecs:
        yield from _codec(codec)
    for stream, track in media.msids:
        yield f"a=msid:{stream} {track}"
    for group in media.ssrc_groups:
        yield f"a=ssrc-group:{group.semantics} {' '.join(map(str, group.ssrcs))}"
    for ssrc in media.ssrcs:
        value = f":{ssrc.value}" if ssrc.value else ""
        yield f"a=ssrc:{ssrc.ssrc} {ssrc.attribute}{value}"


def _transport(media: Media) -> Iterator[str]:
    if media.ufrag is not None:
        yield f"a=ice-ufrag:{media.ufrag}"
    if media.pwd is not None:
        yield f"a=ice-pwd:{media.pwd}"
    for fingerprint in media.fingerprints:
        yield f"a=fingerprint:{fingerprint}"
    if media.setup is not None:
        yield f"a=setup:{media.setup}"
    if media.rtcp_mux:
        yield "a=rtcp-mux"
    if media.rtcp_rsize:
        yield "a=rtcp-rsize"
    if media.bundle_only:
        yield "a=bundle-only"
    for candidate in media.candidates:
        yield f"a=candidate:{_candidate(candidate)}"
    if media.end_of_candidates:
        yield "a=end-of-candidates"


def _codec(codec: Codec) -> Iterator[str]:
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    yield f"a=rtpmap:{codec.pt} {codec.name}/{codec.clock_rate}{channels}"
    for feedback in codec.feedback:
        yield f"a=rtcp-fb:{codec.pt} {feedback}"
    if codec.parameters:
        pairs = (f"{name}={value}" if value else name for name, value in codec.parameters)
        yield f"a=fmtp:{codec.pt} {';'.join(pairs)}"


def _candidate(candidate: Candidate) -> str:
    c = candidate
    return f"{c.foundation} {c.component} {c.protocol} {c.priority} {c.host} {c.port} typ {c.type}"
