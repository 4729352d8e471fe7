"""The session descriptions of a plain client, and what it must know of the server's. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

VIDEO_PT = 96
RTX_PT = 97
MID_EXTENSION = 3


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """This end of one transport."""

    ufrag: str
    pwd: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The server's end: where to send checks, and with which credentials."""

    ufrag: str
    pwd: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One m-line of a server's offer that a subscriber takes."""

    mid: str
    kind: str
    payload_types: tuple[int, ...]
    rtpmaps: tuple[str, ...]
    ssrcs: tuple[int, ...]


def publish_offer(own: Credentials, *, ssrc: int, rtx_ssrc: int, mid: str = "0") -> str:
    """One sendonly VP8 track with RTX, NACK, PLI and REMB: the least that a browser offers."""
    lines = [
        *_session(own, mid),
        f"m=video 9 UDP/TLS/RTP/SAVPF {VIDEO_PT} {RTX_PT}",
        *_transport(own, "active"),
        f"a=mid:{mid}",
        f"a=extmap:{MID_EXTENSION} urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=sendonly",
        "a=msid:bench video",
        f"a=rtpmap:{VIDEO_PT} VP8/90000",
        *(f"a=rtcp-fb:{VIDEO_PT} {kind}" for kind in ("nack", "nack pli", "ccm fir", "goog-remb")),
        f"a=rtpmap:{RTX_PT} rtx/90000",
        f"a=fmtp:{RTX_PT} apt={VIDEO_PT}",
        f"a=ssrc-group:FID {ssrc} {rtx_ssrc}",
        f"a=ssrc:{ssrc} cname:bench",
        f"a=ssrc:{rtx_ssrc} cname:bench",
    ]
    return "\r\n".join(lines) + "\r\n"


def subscribe_answer(own: Credentials, offer: str) -> str:
    """Take every m-line of ``offer`` as it is, receive only, as the DTLS client."""
    lines = _session(own, *(media.mid for media in read_offer(offer)))
    for section in _sections(offer):
        kept = [
            line
            for line in section
            if line.startswith(("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:", "a=mid:"))
        ]
        first = re.sub(r"^m=(\w+) \d+", r"m=\1 9", section[0])
        live = "a=inactive" not in section
        lines += [first, *_transport(own, "active"), *kept]
        lines.append("a=recvonly" if live else "a=inactive")
    return "\r\n".join(lines) + "\r\n"


def read_remote(sdp: str, *, host: str) -> Remote:
    """The server's transport on ``host``, from an offer or an answer.

    Raises:
        ValueError: credentials or a UDP candidate on ``host`` are missing.
    """
    ufrag = re.search(r"^a=ice-ufrag:(\S+)", sdp, re.MULTILINE)
    pwd = re.search(r"^a=ice-pwd:(\S+)", sdp, re.MULTILINE)
    found = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp, re.M | re.I)
    ports = [int(port) for address, port in found if address == host]
    if not ufrag or not pwd or not ports:
        raise ValueError(f"the server's SDP has no ICE credentials or no candidate on {host}")
    return Remote(ufrag=ufrag[1], pwd=pwd[1], host=host, port=ports[0])


def read_offer(sdp: str) -> tuple[Offered, ...]:
    """The m-lines of an offer, in order."""
    return tuple(_offered(section) for section in _sections(sdp))


def _offered(section: list[str]) -> Offered:
    text = "\n".join(section)
    mid = re.search(r"^a=mid:(\S+)", text, re.MULTILINE)
    first = section[0].split()
    return Offered(
        mid=mid[1] if mid else "",
        kind=first[0].removeprefix("m="),
        payload_types=tuple(int(pt) for pt in first[3:] if pt.isdecimal()),
        rtpmaps=tuple(re.findall(r"^a=rtpmap:(.+)$", text, re.MULTILINE)),
        ssrcs=tuple(
            dict.fromkeys(int(s) for s in re.findall(r"^a=ssrc:(\d+)", text, re.MULTILINE))
        ),
    )


def _sections(sdp: str) -> list[list[str]]:
    sections: list[list[str]] = []
    for line in sdp.replace("\r\n", "\n").strip().split("\n"):
        if line.startswith("m="):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
    return sections


def _session(own: Credentials, *mids: str) -> list[str]:
    return [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ]


def _transport(own: Credentials, setup: str) -> list[str]:
    return [
        "c=IN IP4 0.0.0.0",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{own.ufrag}",
        f"a=ice-pwd:{own.pwd}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {own.fingerprint}",
        f"a=setup:{setup}",
    ]
