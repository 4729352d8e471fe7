"""What the pod answers to a publisher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from relay_media.sdp import (
    ALL_CODECS,
    Accepted,
    Candidate,
    Fingerprint,
    Local,
    Media,
    SdpError,
    Session,
    answer_publish,
    read,
    remote_of,
    write,
)

OFFERS = Path(__file__).parent / "offers"
LOCAL = Local(
    ufrag="u" * 16,
    pwd="p" * 32,
    fingerprint=Fingerprint(algorithm="sha-256", value=":".join(["AB"] * 32)),
    candidates=(
        Candidate(
            foundation="1",
            component=1,
            protocol="udp",
            priority=2130706431,
            host="10.0.0.7",
            port=7882,
            type="host",
        ),
    ),
)
FORWARDED = {
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
}


def offer(name: str) -> Session:
    return read((OFFERS / f"{name}.sdp").read_text())


def answer(
    session: Session, codecs: tuple[str, ...] = ALL_CODECS
) -> tuple[Session, dict[str, Accepted]]:
    written, accepted = answer_publish(session, local=LOCAL, codecs=codecs, session_id=7, version=1)
    assert read(write(written)) == written
    return written, {line.mid: line for line in accepted}


@pytest.mark.parametrize("name", sorted(path.stem for path in OFFERS.glob("*.sdp")))
def test_every_answer_is_ice_lite_passive_bundled_and_of_one_codec_a_line(name: str) -> None:
    session = offer(name)
    written, accepted = answer(session)
    assert "a=ice-lite\r\n" in write(written)
    assert [line.mid for line in written.media] == [line.mid for line in session.media]
    assert set(written.bundle) == set(accepted)
    for line, offered in zip(written.media, session.media, strict=True):
        assert line.kind == offered.kind
        if line.mid not in accepted:
            assert line.rejected
            continue
        assert line.setup == "passive"
        assert line.rtcp_mux
        assert line.candidates == LOCAL.candidates
        assert line.direction == "recvonly"
        assert [codec.name for codec in line.codecs][1:] in ([], ["rtx"])
        assert {codec.pt for codec in line.codecs} <= {codec.pt for codec in offered.codecs}
        assert {extension.uri for extension in line.extensions} <= FORWARDED
        assert set(line.extensions) <= set(offered.extensions)
        for codec in line.codecs:
            assert set(codec.feedback) <= {"nack", "nack pli", "ccm fir", "goog-remb"}


def test_chromium_publishes_opus_and_vp8_with_retransmissions() -> None:
    written, accepted = answer(offer("chromium-156-max-bundle"))
    audio, video = written.media
    assert [codec.name for codec in audio.codecs] == ["opus"]
    assert [extension.id for extension in audio.extensions] == [1, 2, 4]
    assert [(c.pt, c.name) for c in video.codecs] == [(96, "VP8"), (97, "rtx")]
    assert video.codecs[0].feedback == ("goog-remb", "ccm fir", "nack", "nack pli")
    assert len(accepted["1"].ssrcs) == 2
    assert accepted["1"].rtx_ssrcs == ((accepted["1"].ssrcs[0], accepted["1"].ssrcs[1]),)


def test_h264_is_taken_as_constrained_baseline_in_packetization_mode_1() -> None:
    written, accepted = answer(offer("chromium-156-h264-simulcast-data"))
    video, data = written.media
    codec = video.codecs[0]
    assert (codec.pt, codec.name) == (108, "H264")
    assert codec.parameter("profile-level-id") == "42e01f"
    assert codec.parameter("packetization-mode") == "1"
    assert video.codecs[1].parameter("apt") == "108"
    assert data.rejected
    assert "simulcast" not in write(written)
    assert accepted["0"].ssrcs == ()


def test_a_line_that_nothing_fits_is_rejected_and_the_others_live() -> None:
    session = offer("chromium-156-av1-vp9-only")
    written, accepted = answer(session)
    assert written.media[0].port == 0
    assert written.bundle == ("1",)
    assert list(accepted) == ["1"]


def test_a_hall_class_without_vp8_takes_h264_and_one_without_video_takes_none() -> None:
    session = offer("chromium-156-max-bundle")
    assert answer(session, ("opus", "H264"))[0].media[1].codecs[0].name == "H264"
    assert answer(session, ("opus",))[0].media[1].rejected


def test_firefox_gives_its_fingerprint_once_and_bundles_only() -> None:
    session = offer("firefox-style")
    written, accepted = answer(session)
    assert not session.media[1].rejected
    assert [line.direction for line in written.media] == ["recvonly", "recvonly"]
    assert written.media[1].port == 9
    assert [(e.id) for e in written.media[1].extensions] == [3, 4]
    remote = remote_of(session)
    assert remote is not None
    assert remote.ufrag == "f9d4a2e1"
    assert str(remote.fingerprints[0]).startswith("sha-256 C0:2D:")
    assert accepted["1"].rtx_ssrcs == ((2405417735, 1187623450),)


@pytest.mark.parametrize(
    ("before", "after"),
    [("sendonly", "recvonly"), ("sendrecv", "recvonly"), ("recvonly", "inactive")],
)
def test_directions_are_mirrored(before: str, after: str) -> None:
    session = offer("chromium-156-max-bundle")
    first = replace(session.media[0], direction=before)  # type: ignore[arg-type]
    written, accepted = answer(replace(session, media=(first, session.media[1])))
    assert written.media[0].direction == after
    assert accepted["0"].sends == (after == "recvonly")


def changed(**changes: object) -> Session:
    session = offer("chromium-156-max-bundle")
    return replace(session, media=tuple(replace(m, **changes) for m in session.media))  # type: ignore[arg-type]


def test_offers_that_no_publisher_makes_are_refused() -> None:
    for session in (
        replace(offer("chromium-156-max-bundle"), bundle=("0",)),
        changed(rtcp_mux=False),
        changed(protocol="RTP/AVP"),
    ):
        with pytest.raises(SdpError):
            answer(session)
    for session in (
        changed(ufrag=None),
        changed(pwd=None),
        changed(fingerprints=()),
        changed(fingerprints=(Fingerprint(algorithm="sha-1", value="AB:CD"),)),
        changed(setup="passive"),
        changed(setup=None),
    ):
        with pytest.raises(SdpError):
            remote_of(session)


def test_an_offer_without_a_live_line_has_no_transport() -> None:
    assert remote_of(Session(id=1, version=1)) is None
    dead = Media(kind="audio", mid="0", port=0)
    assert remote_of(Session(id=1, version=1, bundle=("0",), media=(dead,))) is None
