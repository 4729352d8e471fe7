"""What the pod offers a subscriber, and how it reads the answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from relay_media.sdp import (
    PROFILES,
    Candidate,
    Fingerprint,
    Line,
    Local,
    SdpError,
    Session,
    offer_subscribe,
    read,
    read_taken,
    write,
)

LOCAL = Local(
    ufrag="u" * 16,
    pwd="p" * 32,
    fingerprint=Fingerprint(algorithm="sha-256", value=":".join(["AB"] * 32)),
    candidates=(
        Candidate(
            foundation="1",
            component=1,
            protocol="udp",
            priority=1,
            host="10.0.0.7",
            port=7882,
            type="host",
        ),
    ),
)


def line(mid: str, codec: str, *, live: bool = True) -> Line:
    video = PROFILES[codec].rtx_pt is not None
    return Line(
        mid=mid,
        profile=PROFILES[codec],
        stream="p_1" if live else None,
        track=f"t_{mid}" if live else None,
        ssrc=1000 + int(mid),
        rtx_ssrc=2000 + int(mid) if video else None,
        cname="p_1",
    )


def offered(*lines: Line) -> Session:
    session = offer_subscribe(lines, local=LOCAL, session_id=7, version=3)
    assert read(write(session), max_media=len(lines)) == session
    return session


def answered(session: Session) -> Session:
    """As a browser answers: receives what is sent, and drops what it does not know."""
    media = tuple(
        replace(
            m,
            direction="recvonly" if m.direction == "sendonly" else "inactive",
            setup="active",
            ssrcs=(),
            ssrc_groups=(),
            msids=(),
        )
        for m in session.media
    )
    return replace(session, media=media)


def test_an_offer_has_fixed_payload_types_and_names_every_source() -> None:
    text = write(offered(line("0", "opus"), line("1", "VP8"), line("2", "H264")))
    for expected in (
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2",
        "a=setup:actpass",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "m=video 9 UDP/TLS/RTP/SAVPF 102 103",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=msid:p_1 t_1",
        "a=ssrc-group:FID 1001 2001",
        "a=ssrc:2001 cname:p_1",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 goog-remb",
    ):
        assert f"{expected}\r\n" in text
    assert "transport-cc" not in text


def test_an_ended_line_is_inactive_and_names_no_source() -> None:
    media = offered(line("0", "VP8", live=False), line("1", "VP8")).media
    assert media[0].direction == "inactive"
    assert media[0].ssrcs == ()
    assert media[0].msids == ()
    assert media[0].port == 9


def test_an_answer_says_which_lines_are_taken() -> None:
    lines = (line("0", "opus"), line("1", "VP8"), line("2", "H264"), line("3", "VP8", live=False))
    answer = answered(offered(*lines))
    refused = replace(answer.media[2], port=0)
    without_rtx = replace(answer.media[1], codecs=answer.media[1].codecs[:1], extensions=())
    media = (answer.media[0], without_rtx, refused, answer.media[3])
    taken = read_taken(lines, replace(answer, media=media))
    assert [t.codec.name if t.codec else None for t in taken] == ["opus", "VP8", None, None]
    assert [t.rtx_pt for t in taken] == [None, None, None, None]
    assert [[e.id for e in t.extensions] for t in taken[:2]] == [[1, 2, 3], []]
    assert read_taken(lines, answer)[1].rtx_pt == 97


def test_the_largest_offer_fits_into_one_frame() -> None:
    lines = [line(str(n), "opus" if n % 2 else "VP8") for n in range(200)]
    local = replace(LOCAL, candidates=LOCAL.candidates * 2)
    text = write(offer_subscribe(lines, local=local, session_id=2**62, version=10**6))
    tracks = [{"mid": n.mid, "track": "t_" + "0" * 16, "sid": "p_" + "0" * 16} for n in lines]
    frame = json.dumps({"type": "offer", "id": 10**6, "sdp": text, "tracks": tracks})
    assert len(frame) < 256 * 1024


def test_an_answer_with_other_lines_is_refused() -> None:
    lines = (line("0", "opus"), line("1", "VP8"))
    answer = answered(offered(*lines))
    for media in (answer.media[:1], answer.media[::-1], ()):
        with pytest.raises(SdpError):
            read_taken(lines, replace(answer, media=media))
