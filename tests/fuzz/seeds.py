"""Valid inputs to begin from, made by the implementations that write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import aioice.stun
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relay_api.credentials.keys import Mode, make_key
from relay_api.credentials.tokens import JoinToken, Role, issue
from relay_media.rtp import extensions
from relay_media.rtp.header import build
from relay_media.rtp.rtcp import (
    Bye,
    FullIntraRequest,
    MaximumBitrate,
    Nack,
    PictureLoss,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
)
from relay_media.rtp.rtcp_build import build_compound
from relay_media.sdp import Candidate, Fingerprint, Local

NOW = datetime(2026, 1, 1, tzinfo=UTC)
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
            host="192.0.2.7",
            port=7882,
            type="host",
        ),
    ),
)


def _stun() -> bytes:
    message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    message.attributes.update({"USERNAME": "ours:theirs", "PRIORITY": 7, "USE-CANDIDATE": None})
    message.add_message_integrity(b"0123456789abcdef")
    return bytes(message)


def _rtp(payload: bytes, *, two_byte: bool = False) -> bytes:
    elements = [(1, b"\x80"), (2, b"abc"), (4, b"mid")]
    return build(
        payload_type=96,
        sequence=7,
        timestamp=90_000,
        ssrc=1,
        payload=payload,
        extension=extensions.build_block(elements, two_byte=two_byte),
    )


_BLOCK = ReportBlock(
    ssrc=1,
    fraction_lost=3,
    lost=5,
    highest_sequence=70_000,
    jitter=9,
    last_sr=1,
    delay_since_last_sr=2,
)
_CLAIMS = {"iss": "relay-gateway", "aud": "hall", "sub": "ada", "name": "Ada", "role": "host"}


def _dumped(*bodies: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(body).encode() for body in bodies)


STUN = (_stun(),)
RTP = (
    _rtp(b"\x90\x80\x81\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01"),
    _rtp(b"\x7c\x85" + b"x" * 20, two_byte=True),
    _rtp(b"\x78\x00\x04\x67\x42\xe0\x1f\x00\x02\x68\xce"),
)
RTCP = (
    build_compound(
        SenderReport(
            ssrc=1, ntp=1 << 40, rtp_timestamp=5, packets=6, octets=7, reports=(_BLOCK, _BLOCK)
        ),
        SourceDescription(ssrc=1, cname="ada"),
        Nack(ssrc=1, media_ssrc=2, lost=(3, 4, 9, 200)),
        PictureLoss(ssrc=1, media_ssrc=2),
    ),
    build_compound(
        ReceiverReport(ssrc=1, reports=(_BLOCK,)),
        FullIntraRequest(ssrc=1, entries=((2, 3),)),
        MaximumBitrate(ssrc=1, bitrate=1_000_000, media_ssrcs=(2, 3)),
        Bye(ssrcs=(1, 2)),
    ),
)
SIGNALLING = _dumped(
    {"type": "join", "v": 1, "session": "0" * 32, "resume": False},
    {
        "type": "offer",
        "pc": "publish",
        "id": 1,
        "sdp": "v=0",
        "tracks": [{"mid": "0", "source": "microphone", "muted": False}],
    },
    {"type": "answer", "pc": "subscribe", "id": 4, "sdp": "v=0"},
    {"type": "mute", "track": "t_1", "muted": True},
    {"type": "ping", "t": 1.5},
    {"type": "leave"},
)
TOKENS = (
    jwt.encode(
        _CLAIMS | {"iat": 0, "exp": 30, "jti": "x"},
        Ed25519PrivateKey.generate(),
        algorithm="EdDSA",
        headers={"typ": "relay-gateway+jwt"},
    ).encode(),
    issue(
        JoinToken(
            hall_uid="uid",
            hall_id="h_01jd9w3k2m0123456789",
            identity="ada",
            name="Ada",
            role=Role.HOST,
            issued_at=NOW,
            expires_at=NOW,
        ),
        b"another secret of thirty-two byte",
    ).encode(),
)
API_KEYS = tuple(make_key(bytes(range(32)), mode).encode() for mode in Mode)
REST_BODIES = _dumped(
    {"name": "Weekly", "max_participants": 9, "record": False, "metadata": {"a": [1, {"b": None}]}},
    {"identity": "ada", "name": "Ada", "role": "viewer", "ttl_seconds": 60, "invite": True},
)
CONTROL_BODIES = _dumped(
    {
        "hall_uid": "uid",
        "hall_id": "h_1",
        "namespace": "n",
        "name": "room",
        "display_name": "Room",
        "max_participants": 9,
        "codecs": ["opus", "VP8"],
    },
    {"reason": "closed"},
)
POD_ANSWERS = _dumped(
    {
        "pod_uid": "p",
        "hall_uid": "h",
        "state": "assigned",
        "participants": 2,
        "empty_since": "2026-01-01T00:00:00.000Z",
    },
    {
        "pod_uid": "p",
        "sequence": 3,
        "participants": 0,
        "empty_since": None,
        "gap": False,
        "events": [{"sequence": 3, "type": "participant.left", "at": "x", "data": {}}],
    },
)
