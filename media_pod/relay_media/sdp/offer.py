"""Offers to a subscriber, and what its answers say. Pure.

M-lines are never removed (RFC 8829 section 5.2.2): a track that ended turns its m-line inactive,
and a later track of the same kind takes it over. So mids are stable and the description does not
grow with people who come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relay_media.sdp.answer import Local
from relay_media.sdp.codecs import OFFERED_EXTENSIONS, Profile, rtx_codec, rtx_of
from relay_media.sdp.model import Codec, Extension, Media, SdpError, Session, Ssrc, SsrcGroup


@dataclass(frozen=True, kw_only=True)
class Line:
    """One m-line to offer. ``stream`` and ``track`` are None when nothing is sent on it now."""

    mid: str
    profile: Profile
    stream: str | None
    track: str | None
    ssrc: int
    rtx_ssrc: int | None
    cname: str


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What the subscriber's answer says of one m-line. ``codec`` None: it will not receive it."""

    mid: str
    codec: Codec | None
    rtx_pt: int | None
    extensions: tuple[Extension, ...]


def offer_subscribe(
    lines: Sequence[Line], *, local: Local, session_id: int, version: int
) -> Session:
    """The offer for ``lines``, in order."""
    media = tuple(_media(line, local) for line in lines)
    return Session(
        id=session_id,
        version=version,
        ice_lite=True,
        bundle=tuple(line.mid for line in lines),
        media=media,
    )


def read_taken(lines: Sequence[Line], answer: Session) -> tuple[Taken, ...]:
    """Match an answer with the offered ``lines``.

    Raises:
        SdpError: the answer's m-lines are not the offered ones, in order (RFC 3264 section 6).
    """
    if [line.mid for line in lines] != [media.mid for media in answer.media]:
        raise SdpError("the answer's m-lines are not the offered ones")
    return tuple(_taken(line, media) for line, media in zip(lines, answer.media, strict=True))


def _taken(line: Line, media: Media) -> Taken:
    own = line.profile.codec
    codec = next((c for c in media.codecs if _same(own, c)), None) if media.receives else None
    rtx = rtx_of(media.codecs, codec.pt) if codec else None
    offered = {(e.id, e.uri) for e in OFFERED_EXTENSIONS}
    return Taken(
        mid=line.mid,
        codec=codec,
        rtx_pt=rtx.pt if rtx else None,
        extensions=tuple(e for e in media.extensions if (e.id, e.uri) in offered),
    )


def _same(own: Codec, other: Codec) -> bool:
    return own.pt == other.pt and own.name.lower() == other.name.lower()


def _media(line: Line, local: Local) -> Media:
    live = line.stream is not None and line.track is not None
    profile = line.profile
    codecs: tuple[Codec, ...] = (profile.codec,)
    if profile.rtx_pt is not None:
        codecs += (rtx_codec(profile.rtx_pt, profile.codec.pt),)
    video = profile.kind == "video"
    return Media(
        kind=profile.kind,
        mid=line.mid,
        formats=tuple(str(codec.pt) for codec in codecs),
        direction="sendonly" if live else "inactive",
        codecs=codecs,
        extensions=tuple(e for e in OFFERED_EXTENSIONS if not (video and e.id == 1)),
        ufrag=local.ufrag,
        pwd=local.pwd,
        fingerprints=(local.fingerprint,),
        setup="actpass",
        rtcp_rsize=True,
        msids=((line.stream or "", line.track or ""),) if live else (),
        ssrc_groups=_groups(line) if live else (),
        ssrcs=_ssrcs(line) if live else (),
        # The first m-line's would serve all (RFC 9143 section 7.2), but not every client knows.
        candidates=local.candidates,
        end_of_candidates=True,
    )


def _groups(line: Line) -> tuple[SsrcGroup, ...]:
    if line.rtx_ssrc is None:
        return ()
    return (SsrcGroup(semantics="FID", ssrcs=(line.ssrc, line.rtx_ssrc)),)


def _ssrcs(line: Line) -> tuple[Ssrc, ...]:
    numbers = (line.ssrc,) if line.rtx_ssrc is None else (line.ssrc, line.rtx_ssrc)
    msid = f"{line.stream} {line.track}"
    return tuple(
        entry
        for number in numbers
        for entry in (
            Ssrc(ssrc=number, attribute="cname", value=line.cname),
            Ssrc(ssrc=number, attribute="msid", value=msid),
        )
    )
