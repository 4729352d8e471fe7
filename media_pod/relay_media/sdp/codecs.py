"""Which codecs and header extensions the pod forwards, and under which numbers it offers them.

A publisher keeps its own numbers; subscribers are always offered the ones here. A new codec is one
more ``Profile``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from relay_media.sdp.model import Codec, Extension, Media

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"

#: What subscribers are offered. Id 4 is kept for the RTP stream id of simulcast.
OFFERED_EXTENSIONS = (
    Extension(id=1, uri=AUDIO_LEVEL),
    Extension(id=2, uri=ABS_SEND_TIME),
    Extension(id=3, uri=MID),
)
ACCEPTED_EXTENSIONS = frozenset(extension.uri for extension in OFFERED_EXTENSIONS)
ACCEPTED_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb"})
VIDEO_FEEDBACK = ("goog-remb", "ccm fir", "nack", "nack pli")

_H264 = (
    ("level-asymmetry-allowed", "1"),
    ("packetization-mode", "1"),
    ("profile-level-id", "42e01f"),
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A codec as subscribers are offered it; ``rtx_pt`` None where losses are not repaired."""

    kind: Literal["audio", "video"]
    codec: Codec
    rtx_pt: int | None = None

    def fits(self, codec: Codec) -> bool:
        """Whether a publisher's ``codec`` can be forwarded under this one's description."""
        own = self.codec
        if (codec.name.lower(), codec.clock_rate, codec.channels) != (
            own.name.lower(),
            own.clock_rate,
            own.channels,
        ):
            return False
        return own.name != "H264" or _is_baseline(codec)


PROFILES: dict[str, Profile] = {
    "opus": Profile(
        kind="audio",
        codec=Codec(
            pt=111,
            name="opus",
            clock_rate=48000,
            channels=2,
            parameters=(("minptime", "10"), ("useinbandfec", "1")),
        ),
    ),
    "VP8": Profile(
        kind="video",
        codec=Codec(pt=96, name="VP8", clock_rate=90000, feedback=VIDEO_FEEDBACK),
        rtx_pt=97,
    ),
    "H264": Profile(
        kind="video",
        codec=Codec(
            pt=102, name="H264", clock_rate=90000, parameters=_H264, feedback=VIDEO_FEEDBACK
        ),
        rtx_pt=103,
    ),
}
ALL_CODECS = tuple(PROFILES)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The one codec taken from an offered m-line, with the publisher's own numbers."""

    codec: Codec
    rtx: Codec | None
    profile: Profile


def choose(media: Media, allowed: Collection[str]) -> Choice | None:
    """The first codec of the publisher's list that the hall's class allows; None if none fits."""
    for codec in media.codecs:
        for name, profile in PROFILES.items():
            if name in allowed and profile.kind == media.kind and profile.fits(codec):
                best = _closest(profile, codec, media.codecs)
                return Choice(codec=best, rtx=rtx_of(media.codecs, best.pt), profile=profile)
    return None


def _closest(profile: Profile, first: Codec, codecs: Sequence[Codec]) -> Codec:
    """Of all that fit, the one that subscribers are told: H.264 constrained baseline.

    Chromium lists plain baseline before it.
    """
    level_id = profile.codec.parameter("profile-level-id")
    if level_id is None:
        return first
    for codec in codecs:
        theirs = codec.parameter("profile-level-id") or ""
        if profile.fits(codec) and theirs.lower().startswith(level_id[:4]):
            return codec
    return first


def rtx_of(codecs: Sequence[Codec], pt: int) -> Codec | None:
    """The retransmission payload type that repairs ``pt`` (RFC 4588 section 8.6)."""
    for codec in codecs:
        if codec.name.lower() == "rtx" and codec.parameter("apt") == str(pt):
            return codec
    return None


def accepted_feedback(codec: Codec) -> Codec:
    """``codec`` with only the feedback that the pod gives."""
    return replace(codec, feedback=tuple(f for f in codec.feedback if f in ACCEPTED_FEEDBACK))


def rtx_codec(pt: int, apt: int) -> Codec:
    return Codec(pt=pt, name="rtx", clock_rate=90000, parameters=(("apt", str(apt)),))


def _is_baseline(codec: Codec) -> bool:
    """Baseline or constrained baseline, packetization mode 1 (RFC 6184 section 8.1).

    The offered level (3.1) does not bind: level-asymmetry is allowed on both sides.
    """
    level_id = (codec.parameter("profile-level-id") or "").lower()
    return (
        codec.parameter("packetization-mode") == "1"
        and len(level_id) == 6
        and level_id.startswith("42")
    )
