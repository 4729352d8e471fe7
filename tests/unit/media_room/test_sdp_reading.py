"""Reading and writing session descriptions: real offers, tables of bad ones, and properties."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_media.sdp import (
    Candidate,
    Codec,
    Extension,
    Fingerprint,
    Media,
    SdpError,
    Session,
    Ssrc,
    SsrcGroup,
    read,
    write,
)

OFFERS = sorted((Path(__file__).parent / "offers").glob("*.sdp"))
HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
LINE = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"


@pytest.mark.parametrize("path", OFFERS, ids=lambda path: path.stem)
def test_a_browsers_offer_is_read_and_survives_being_written_again(path: Path) -> None:
    session = read(path.read_bytes().decode())
    assert session.media
    assert set(session.bundle) <= {media.mid for media in session.media}
    assert all(media.ufrag and media.pwd and media.fingerprints for media in session.media)
    assert read(write(session)) == session


def test_lines_may_end_with_lf_alone() -> None:
    assert read((HEAD + LINE).replace("\r\n", "\n")) == read(HEAD + LINE)


def test_session_level_credentials_apply_to_every_m_line_that_has_none() -> None:
    text = (
        HEAD
        + "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:active\r\n"
        + LINE
        + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ice-ufrag:wxyz\r\na=ice-pwd:zzzz\r\n"
    )
    first, second = read(text).media
    assert (first.ufrag, first.pwd, first.setup) == ("abcd", "0123456789012345678901", "active")
    assert (second.ufrag, second.pwd) == ("wxyz", "zzzz")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "v=0"),
        ("hello", "form"),
        ("v=1\r\n", "v=0"),
        ("v=0\r\n", "o="),
        ("v=0\r\no=- x 1 IN IP4 h\r\n", "o="),
        (HEAD + "m=audio\r\n", "m-line"),
        (HEAD + "m=text 9 RTP/AVP 0\r\n", "m-line"),
        (HEAD + "m=audio 70000 UDP/TLS/RTP/SAVPF 111\r\n", "m-line"),
        (HEAD + LINE + LINE, "one mid"),
        (HEAD + "a=group:BUNDLE 0 7\r\n" + LINE, "BUNDLE"),
        (HEAD + "a=group:BUNDLE 0 0\r\n" + LINE, "BUNDLE"),
        (HEAD + "a=group:BUNDLE 0\r\na=group:BUNDLE 0\r\n" + LINE, "BUNDLE"),
        (HEAD + LINE + "a=rtpmap:111 opus/48000/2\r\n", "two rtpmaps"),
        (HEAD + LINE + "a=rtpmap:200 opus/48000\r\n", "rtpmap"),
        (HEAD + LINE + "a=extmap:0 urn:x\r\n", "extmap"),
        (HEAD + LINE + "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\n", "twice"),
        (HEAD + LINE + "a=fmtp:x y\r\n", "fmtp"),
        (HEAD + LINE + "a=ssrc:4294967296 cname:x\r\n", "32 bits"),
        (HEAD + LINE + "a=ssrc-group:FID x\r\n", "ssrc-group"),
        (HEAD + LINE + "a=mid:a b\r\n", "mid"),
        (HEAD + LINE + "a=fingerprint:sha-256 zz\r\n", "fingerprint"),
        (HEAD + LINE + "a=setup:later\r\n", "setup"),
        (HEAD + LINE + "a=ice-ufrag:é\r\n", "ice-ufrag"),
        (HEAD + LINE + "a=rtcp-fb:111 \r\n", "rtcp-fb"),
        (HEAD + LINE + "a=msid:\r\n", "msid"),
        (HEAD + LINE + "a=x\0y\r\n", "control"),
        (HEAD + LINE + "a=x" + "y" * 5000 + "\r\n", "longer"),
        (HEAD + LINE + "a=x\r\n" * 60_000, "larger"),
        (HEAD + LINE + "a=x\r\n" * 30_000, "lines"),
        (HEAD + LINE + "a=ssrc:1 cname:x\r\n" * 200, "more than"),
        (HEAD + LINE + "a=fmtp:111 " + "a=1;" * 500 + "\r\n", "more than"),
        (HEAD + "".join(LINE.replace("mid:0", f"mid:{n}") for n in range(65)), "64 m-lines"),
        (HEAD + "m=audio 9 UDP/TLS/RTP/SAVPF" + " 1" * 200 + "\r\n", "formats"),
    ],
)
def test_a_bad_description_is_refused_and_the_reason_named(text: str, why: str) -> None:
    with pytest.raises(SdpError, match=why):
        read(text)


def test_an_odd_candidate_is_skipped_because_the_server_never_uses_it() -> None:
    assert read(HEAD + LINE + "a=candidate:nonsense\r\n").media[0].candidates == ()


def test_the_writer_refuses_fields_that_would_add_lines() -> None:
    with pytest.raises(SdpError):
        write(Session(id=1, version=1, bundle=("0\r\na=ice-lite",)))


PIECES = st.sampled_from(
    [
        *HEAD.splitlines(),
        *LINE.splitlines(),
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=",
        "a=group:BUNDLE 0",
        "a=rtcp-fb:* nack",
        "a=fmtp:96 a=b;;=;c",
        "a=candidate:1 1 udp 1 ::1 9 typ host generation 0",
        "a=ssrc:1 a:b:c",
        "a=msid:- x",
    ]
)


@given(st.text(max_size=2000))
def test_arbitrary_text_raises_only_sdp_error(text: str) -> None:
    check(text)


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(PIECES, st.tuples(PIECES, st.text(max_size=20)).map("".join)), max_size=30
    ).map("\r\n".join)
)
def test_mangled_descriptions_raise_only_sdp_error(text: str) -> None:
    check(text)
    check(HEAD + text + "\r\n")


def check(text: str) -> None:
    try:
        session = read(text)
    except SdpError:
        return
    assert read(write(session)) == session


TOKEN = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=16)
ICE = st.text(string.ascii_letters + string.digits + "+/", min_size=4, max_size=32)
SSRC = st.integers(0, 2**32 - 1)
HEX = st.lists(st.integers(0, 255), min_size=2, max_size=32).map(
    lambda values: ":".join(f"{value:02X}" for value in values)
)
PARAMETER = st.tuples(TOKEN, st.one_of(st.just(""), TOKEN))

codecs = st.lists(
    st.builds(
        Codec,
        pt=st.integers(0, 127),
        name=TOKEN,
        clock_rate=st.integers(1, 999_999_999),
        channels=st.integers(1, 99),
        parameters=st.lists(PARAMETER, max_size=4).map(tuple),
        feedback=st.lists(TOKEN, max_size=4, unique=True).map(tuple),
    ),
    max_size=5,
    unique_by=lambda codec: codec.pt,
).map(tuple)

candidates = st.builds(
    Candidate,
    foundation=ICE,
    component=st.integers(0, 999),
    protocol=st.sampled_from(["udp", "tcp"]),
    priority=st.integers(0, 2**31),
    host=TOKEN,
    port=st.integers(0, 65535),
    type=st.sampled_from(["host", "srflx", "relay"]),
)


def with_formats(media: Media) -> Media:
    formats = tuple(str(codec.pt) for codec in media.codecs) or ("webrtc-datachannel",)
    return Media(**{**vars(media), "formats": formats})


medias = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video"]),
    mid=TOKEN,
    port=st.sampled_from([0, 9, 65535]),
    direction=st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
    codecs=codecs,
    extensions=st.lists(
        st.builds(Extension, id=st.integers(1, 255), uri=TOKEN),
        max_size=4,
        unique_by=lambda extension: extension.id,
    ).map(tuple),
    ufrag=st.one_of(st.none(), ICE),
    pwd=st.one_of(st.none(), ICE),
    fingerprints=st.lists(
        st.builds(Fingerprint, algorithm=TOKEN.map(str.lower), value=HEX), max_size=3
    ).map(tuple),
    setup=st.sampled_from([None, "actpass", "active", "passive"]),
    msids=st.lists(st.tuples(TOKEN, st.one_of(st.just(""), TOKEN)), max_size=2).map(tuple),
    ssrc_groups=st.lists(
        st.builds(
            SsrcGroup,
            semantics=st.sampled_from(["FID", "SIM"]),
            ssrcs=st.lists(SSRC, min_size=1, max_size=4).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    ssrcs=st.lists(
        st.builds(Ssrc, ssrc=SSRC, attribute=TOKEN, value=st.one_of(st.just(""), TOKEN)),
        max_size=3,
    ).map(tuple),
    candidates=st.lists(candidates, max_size=3).map(tuple),
    rtcp_mux=st.booleans(),
    rtcp_rsize=st.booleans(),
    bundle_only=st.booleans(),
    end_of_candidates=st.booleans(),
).map(with_formats)

sessions = st.builds(
    lambda id_, version, lite, media: Session(
        id=id_,
        version=version,
        ice_lite=lite,
        bundle=tuple(section.mid for section in media),
        media=tuple(media),
    ),
    st.integers(0, 2**62),
    st.integers(0, 2**31),
    st.booleans(),
    st.lists(medias, max_size=4, unique_by=lambda media: media.mid),
)


@settings(max_examples=200)
@given(sessions)
def test_what_is_written_reads_back_as_the_same_description(session: Session) -> None:
    assert read(write(session)) == session
