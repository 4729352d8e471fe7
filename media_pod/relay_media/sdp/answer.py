"""Answers to a publisher's offer. Pure.

The pod is ICE-lite (RFC 8445 section 2.5) and the DTLS server (``setup:passive``): with the browser
as DTLS client, the pod chooses the SRTP cipher and takes AES-GCM.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from relay_media.sdp.codecs import (
    ACCEPTED_EXTENSIONS,
    Choice,
    accepted_feedback,
    choose,
    rtx_codec,
)
from relay_media.sdp.model import (
    Candidate,
    Direction,
    Extension,
    Fingerprint,
    Media,
    SdpError,
    Session,
    Setup,
)


@dataclass(frozen=True, kw_only=True)
class Local:
    """The pod's end of one peer connection."""

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The browser's end: what ICE and DTLS need to know of it."""

    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: Setup


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """One offered m-line that the pod can take; ``sends`` says whether media flows now.

    ``ssrcs`` are all that the m-line names, ``rtx_ssrcs`` pairs of a stream and its repairs.
    """

    mid: str
    kind: str
    choice: Choice
    extensions: tuple[Extension, ...]
    ssrcs: tuple[int, ...]
    rtx_ssrcs: tuple[tuple[int, int], ...]
    sends: bool


def answer_publish(
    offer: Session, *, local: Local, codecs: Collection[str], session_id: int, version: int
) -> tuple[Session, tuple[Accepted, ...]]:
    """Answer ``offer``: one codec per m-line, port 0 where nothing fits (RFC 3264 section 6).

    Raises:
        SdpError: the offer is not one that a WebRTC publisher sends (no BUNDLE, no rtcp-mux...).
    """
    lines: list[Media] = []
    taken: list[Accepted] = []
    for media in offer.media:
        choice = None if media.rejected or media.kind == "application" else choose(media, codecs)
        if choice is None:
            lines.append(_reject(media))
            continue
        _check_publishable(media, offer.bundle)
        accepted = _accept(media, choice)
        taken.append(accepted)
        lines.append(_line(media, accepted, local))
    answer = Session(
        id=session_id,
        version=version,
        ice_lite=True,
        bundle=tuple(line.mid for line in lines if line.port),
        media=tuple(lines),
    )
    return answer, tuple(taken)


def remote_of(session: Session) -> Remote | None:
    """ICE and DTLS parameters of the bundled transport; None when no m-line is in use.

    Raises:
        SdpError: credentials, a SHA-256 fingerprint or the role are missing or unusable.
    """
    live = [m for m in session.media if not m.rejected and m.mid in session.bundle]
    media = next((m for m in live if m.ufrag is not None), None)
    if media is None:
        if live:
            raise SdpError("the description carries no ICE credentials")
        return None
    if media.pwd is None:
        raise SdpError("the description carries no ICE password")
    usable = tuple(
        f for f in media.fingerprints if f.algorithm in ("sha-256", "sha-384", "sha-512")
    )
    if not usable:
        raise SdpError("the description carries no SHA-256 fingerprint")
    if media.setup not in ("actpass", "active"):
        raise SdpError("setup must be actpass or active: the pod is the DTLS server")
    return Remote(ufrag=media.ufrag or "", pwd=media.pwd, fingerprints=usable, setup=media.setup)


def _check_publishable(media: Media, bundle: Sequence[str]) -> None:
    if not media.mid or media.mid not in bundle:
        raise SdpError("every m-line must be in the BUNDLE group: use bundlePolicy max-bundle")
    if not media.rtcp_mux:
        raise SdpError("every m-line must have rtcp-mux")
    if media.protocol != "UDP/TLS/RTP/SAVPF":
        raise SdpError("media must be UDP/TLS/RTP/SAVPF")


def _reject(media: Media) -> Media:
    return Media(
        kind=media.kind,
        mid=media.mid,
        port=0,
        protocol=media.protocol,
        formats=media.formats[:1],
        direction="inactive",
        rtcp_mux=False,
    )


def _accept(media: Media, choice: Choice) -> Accepted:
    pairs = (g.ssrcs for g in media.ssrc_groups if g.semantics == "FID" and len(g.ssrcs) == 2)
    return Accepted(
        mid=media.mid,
        kind=media.kind,
        choice=choice,
        extensions=tuple(e for e in media.extensions if e.uri in ACCEPTED_EXTENSIONS),
        ssrcs=tuple(dict.fromkeys(entry.ssrc for entry in media.ssrcs)),
        rtx_ssrcs=tuple((pair[0], pair[1]) for pair in pairs),
        sends=media.sends,
    )


def _line(media: Media, accepted: Accepted, local: Local) -> Media:
    chosen = accepted_feedback(accepted.choice.codec)
    rtx = accepted.choice.rtx
    codecs = (chosen, rtx_codec(rtx.pt, chosen.pt)) if rtx else (chosen,)
    direction: Direction = "recvonly" if accepted.sends else "inactive"
    return Media(
        kind=media.kind,
        mid=media.mid,
        formats=tuple(str(codec.pt) for codec in codecs),
        direction=direction,
        codecs=codecs,
        extensions=accepted.extensions,
        ufrag=local.ufrag,
        pwd=local.pwd,
        fingerprints=(local.fingerprint,),
        setup="passive",
        candidates=local.candidates,
        end_of_candidates=True,
        rtcp_rsize=media.rtcp_rsize,
    )
