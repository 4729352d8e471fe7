"""What is fuzzed: each target takes any bytes and lets only a defect out as an exception.

A target feeds one parser of outside bytes, and what is done with the parsed value next, so that a
value that parses and then breaks the code behind is found too. The error that the parser documents
is the one expected answer to bad input.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fuzz import seeds
from relay_api.credentials.keys import read_key
from relay_api.credentials.tokens import verify
from relay_api.errors import MalformedKeyError
from relay_api.errors import TokenError as JoinTokenError
from relay_api.halls.bodies import read_new_hall, read_new_token
from relay_api.problems import ProblemError
from relay_media.control.requests import read_assign, read_close
from relay_media.control.tokens import KeyRing, read_control_token, read_gateway_token
from relay_media.errors import PermanentError, RefusalError, TokenError
from relay_media.rtp import extensions, keyframe
from relay_media.rtp.errors import FormatError
from relay_media.rtp.header import parse_header, unwrap_rtx
from relay_media.rtp.rtcp import parse_compound
from relay_media.rtp.rtcp_build import build_compound
from relay_media.sdp import ALL_CODECS, SdpError, answer_publish, read, remote_of, write
from relay_media.signalling.messages import read_message
from relay_media.transport import stun
from relay_operator.control.answers import MalformedAnswerError, read_events, read_status

_KEYS = KeyRing.from_pem(
    Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
_OFFERS = Path(__file__).parents[1] / "unit" / "media_room" / "offers"


@dataclass(frozen=True, kw_only=True)
class Target:
    """``seeds``: valid inputs to begin from."""

    run: Callable[[bytes], None]
    seeds: Iterable[bytes]


def fuzz_stun(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        request = stun.parse_request(data)
        assert request is None or not request.is_authentic(b"nobody knows this password")


def fuzz_rtp(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        header = parse_header(data)
        end = len(data) - header.padding
        for codec in ("VP8", "H264"):
            detect = keyframe.detector(codec)
            assert detect is not None
            detect(data, header.payload_offset, end)
        packet = bytearray(data)
        ids = {element.id: element.id % 14 + 1 for element in extensions.elements(data, header)}
        for identity in ids:
            extensions.find_text(data, header, identity)
        extensions.remap(packet, header, ids)
        assert len(packet) == len(data)
        assert packet[header.payload_offset :] == data[header.payload_offset :]
        parse_header(packet)
        unwrap_rtx(data, header, payload_type=96, ssrc=1)


def fuzz_rtcp(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        packets = parse_compound(data)
        if packets:
            parse_compound(build_compound(*packets))


def fuzz_sdp(data: bytes) -> None:
    with contextlib.suppress(SdpError):
        offer = read(data.decode("utf-8", "replace"))
        remote_of(offer)
        answer, _ = answer_publish(
            offer, local=seeds.LOCAL, codecs=ALL_CODECS, session_id=1, version=1
        )
        assert read(write(answer)) == answer


def fuzz_signalling(data: bytes) -> None:
    with contextlib.suppress(RefusalError):
        read_message(data.decode("utf-8", "replace"))


def fuzz_pod_tokens(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(TokenError):
        read_gateway_token(text, _KEYS, now=0)
        raise AssertionError("a token that nobody signed was believed")
    with contextlib.suppress(TokenError):
        read_control_token(text, _KEYS, pod_uid="pod", now=0)
        raise AssertionError("a token that nobody signed was believed")


def fuzz_join_token(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(JoinTokenError):
        verify(text, (b"s" * 32, b"t" * 32), now=seeds.NOW)
        raise AssertionError("a token that nobody signed was believed")
    with contextlib.suppress(MalformedKeyError):
        read_key(text)


def fuzz_rest_bodies(data: bytes) -> None:
    for reader in (read_new_hall, read_new_token):
        with contextlib.suppress(ProblemError):
            reader(data)


def fuzz_control_bodies(data: bytes) -> None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    for reader in (read_assign, read_close):
        with contextlib.suppress(PermanentError):
            reader(body)


def fuzz_pod_answers(data: bytes) -> None:
    for reader in (read_status, read_events):
        with contextlib.suppress(MalformedAnswerError):
            reader(data)


TARGETS: dict[str, Target] = {
    "stun": Target(run=fuzz_stun, seeds=seeds.STUN),
    "rtp": Target(run=fuzz_rtp, seeds=seeds.RTP),
    "rtcp": Target(run=fuzz_rtcp, seeds=seeds.RTCP),
    "sdp": Target(
        run=fuzz_sdp, seeds=tuple(path.read_bytes() for path in sorted(_OFFERS.glob("*.sdp")))
    ),
    "signalling": Target(run=fuzz_signalling, seeds=seeds.SIGNALLING),
    "pod-tokens": Target(run=fuzz_pod_tokens, seeds=seeds.TOKENS),
    "join-token": Target(run=fuzz_join_token, seeds=(*seeds.TOKENS, *seeds.API_KEYS)),
    "rest-bodies": Target(run=fuzz_rest_bodies, seeds=seeds.REST_BODIES),
    "control-bodies": Target(run=fuzz_control_bodies, seeds=seeds.CONTROL_BODIES),
    "pod-answers": Target(run=fuzz_pod_answers, seeds=seeds.POD_ANSWERS),
}
