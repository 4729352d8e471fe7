"""Attributes of one media section, read one by one. Pure; each value is bounded and checked."""

from __future__ import annotations

import re
from typing import TypeVar, cast

from relay_media.sdp.model import (
    DIRECTIONS,
    Candidate,
    Codec,
    Direction,
    Extension,
    Fingerprint,
    Kind,
    Media,
    SdpError,
    Setup,
    Ssrc,
    SsrcGroup,
)

_T = TypeVar("_T")

#: How many of each attribute one m-line may carry: several times what a browser sends.
MAX_EACH = 128

_M_LINE = re.compile(
    r"m=(audio|video|application) ([0-9]{1,5})(?:/[0-9]{1,3})? (\S{1,64})((?: \S{1,64})+)",
    re.ASCII,
)
_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}", re.ASCII)
_MID = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,32}", re.ASCII)
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)
_HEX = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){1,63}", re.ASCII)
_RTPMAP = re.compile(
    r"([0-9]{1,3}) ([!#-'*+\-.0-9A-Z^-~]{1,64})/([0-9]{1,9})(?:/([0-9]{1,2}))?", re.ASCII
)
_NUMBERED = re.compile(r"([0-9]{1,10}|\*) (.*)", re.ASCII)
_EXTMAP = re.compile(
    r"([0-9]{1,3})(?:/(?:sendrecv|sendonly|recvonly|inactive))? (\S{1,256})(?: .*)?", re.ASCII
)
_GROUP = re.compile(r"([A-Za-z0-9-]{1,16})((?: [0-9]{1,10}){1,8})", re.ASCII)
_CANDIDATE = re.compile(
    r"([A-Za-z0-9+/]{1,32}) ([0-9]{1,3}) ([A-Za-z]{1,8}) ([0-9]{1,10}) (\S{1,255}) ([0-9]{1,5})"
    r" typ (\w{1,8})(?: .*)?",
    re.ASCII,
)
_SETUPS = ("actpass", "active", "passive")


class TransportReader:
    """ICE and DTLS attributes, which may stand at session or at media level."""

    def __init__(self) -> None:
        self.ufrag: str | None = None
        self.pwd: str | None = None
        self.fingerprints: list[Fingerprint] = []
        self.setup: Setup | None = None

    def take(self, name: str, value: str) -> bool:
        """Read the attribute if it is one of these; False if not.

        Raises:
            SdpError: it is, and malformed.
        """
        if name in ("ice-ufrag", "ice-pwd"):
            if not _ICE.fullmatch(value):
                raise SdpError(f"{name} is malformed (RFC 8839 section 5.4)")
            if name == "ice-ufrag":
                self.ufrag = value
            else:
                self.pwd = value
        elif name == "fingerprint":
            self._fingerprint(value)
        elif name == "setup":
            if value not in _SETUPS:
                raise SdpError("setup must be actpass, active or passive")
            self.setup = cast("Setup", value)
        else:
            return False
        return True

    def _fingerprint(self, value: str) -> None:
        algorithm, _, digest = value.partition(" ")
        if not _TOKEN.fullmatch(algorithm) or not _HEX.fullmatch(digest.upper()):
            raise SdpError("a fingerprint is malformed (RFC 8122 section 5)")
        _append(
            self.fingerprints,
            Fingerprint(algorithm=algorithm.lower(), value=digest.upper()),
        )


class MediaReader:
    """Collects the attributes of one m-line."""

    def __init__(self, m_line: str) -> None:
        match = _M_LINE.fullmatch(m_line)
        if match is None or int(match[2]) > 65535:
            raise SdpError("an m-line is malformed, or of a kind that WebRTC does not have")
        self._kind = cast("Kind", match[1])
        self._port = int(match[2])
        self._protocol = match[3]
        self._formats = tuple(match[4].split())
        if len(self._formats) > MAX_EACH:
            raise SdpError(f"an m-line lists more than {MAX_EACH} formats")
        self._transport = TransportReader()
        self._mid = ""
        self._direction: Direction = "sendrecv"
        self._rtpmaps: dict[int, Codec] = {}
        self._parameters: dict[int, tuple[tuple[str, str], ...]] = {}
        self._feedback: list[tuple[str, str]] = []
        self._extensions: dict[int, Extension] = {}
        self._msids: list[tuple[str, str]] = []
        self._groups: list[SsrcGroup] = []
        self._ssrcs: list[Ssrc] = []
        self._candidates: list[Candidate] = []
        self._flags: set[str] = set()

    def take(self, name: str, value: str) -> None:
        """Read one attribute; unknown ones are skipped.

        Raises:
            SdpError: a known attribute is malformed, or there are too many of it.
        """
        if name in DIRECTIONS:
            self._direction = name
        elif name in ("rtcp-mux", "rtcp-rsize", "bundle-only", "end-of-candidates"):
            self._flags.add(name)
        elif reader := _READERS.get(name):
            reader(self, value)
        else:
            self._transport.take(name, value)

    def finish(self) -> Media:
        return Media(
            kind=self._kind,
            mid=self._mid,
            port=self._port,
            protocol=self._protocol,
            formats=self._formats,
            direction=self._direction,
            codecs=tuple(self._codec(format_) for format_ in self._listed()),
            extensions=tuple(self._extensions.values()),
            ufrag=self._transport.ufrag,
            pwd=self._transport.pwd,
            fingerprints=tuple(self._transport.fingerprints),
            setup=self._transport.setup,
            msids=tuple(self._msids),
            ssrc_groups=tuple(self._groups),
            ssrcs=tuple(self._ssrcs),
            candidates=tuple(self._candidates),
            rtcp_mux="rtcp-mux" in self._flags,
            rtcp_rsize="rtcp-rsize" in self._flags,
            bundle_only="bundle-only" in self._flags,
            end_of_candidates="end-of-candidates" in self._flags,
        )

    def _listed(self) -> list[int]:
        """Payload types in the m-line's order of preference, those with an rtpmap only."""
        if self._kind == "application":
            return []
        pts = [int(text) for text in self._formats if text.isascii() and text.isdecimal()]
        return [pt for pt in dict.fromkeys(pts) if pt in self._rtpmaps]

    def _codec(self, pt: int) -> Codec:
        base = self._rtpmaps[pt]
        feedback = (text for key, text in self._feedback if key in ("*", str(pt)))
        return Codec(
            pt=pt,
            name=base.name,
            clock_rate=base.clock_rate,
            channels=base.channels,
            parameters=self._parameters.get(pt, ()),
            feedback=tuple(dict.fromkeys(feedback)),
        )

    def _read_mid(self, value: str) -> None:
        if not _MID.fullmatch(value):
            raise SdpError("a mid is malformed")
        self._mid = value

    def _read_rtpmap(self, value: str) -> None:
        match = _RTPMAP.fullmatch(value)
        if match is None or int(match[1]) > 127:
            raise SdpError("an rtpmap is malformed (RFC 8866 section 6.6)")
        pt = int(match[1])
        if pt in self._rtpmaps:
            raise SdpError(f"payload type {pt} has two rtpmaps in one m-line")
        self._rtpmaps[pt] = Codec(
            pt=pt, name=match[2], clock_rate=int(match[3]), channels=int(match[4] or 1)
        )

    def _read_fmtp(self, value: str) -> None:
        match = _NUMBERED.fullmatch(value)
        if match is None or match[1] == "*" or int(match[1]) > 127:
            raise SdpError("an fmtp is malformed (RFC 8866 section 6.15)")
        pairs: list[tuple[str, str]] = []
        for part in match[2].split(";"):
            name, _, text = part.strip().partition("=")
            if name.strip():
                _append(pairs, (name.strip(), text.strip()))
        self._parameters[int(match[1])] = tuple(pairs)

    def _read_feedback(self, value: str) -> None:
        match = _NUMBERED.fullmatch(value)
        if match is None or not match[2].strip():
            raise SdpError("an rtcp-fb is malformed (RFC 4585 section 4.2)")
        if len(self._feedback) >= MAX_EACH * 8:
            raise SdpError("an m-line carries too many rtcp-fb attributes")
        self._feedback.append((match[1], match[2].strip()))

    def _read_extmap(self, value: str) -> None:
        match = _EXTMAP.fullmatch(value)
        if match is None or not 1 <= int(match[1]) <= 255:
            raise SdpError("an extmap is malformed (RFC 8285 section 5)")
        number = int(match[1])
        if number in self._extensions:
            raise SdpError(f"extmap {number} is given twice in one m-line")
        self._extensions[number] = Extension(id=number, uri=match[2])

    def _read_msid(self, value: str) -> None:
        stream, _, track = value.partition(" ")
        if not _TOKEN.fullmatch(stream) or (track and not _TOKEN.fullmatch(track)):
            raise SdpError("an msid is malformed (RFC 8830 section 2)")
        _append(self._msids, (stream, track))

    def _read_group(self, value: str) -> None:
        match = _GROUP.fullmatch(value)
        if match is None:
            raise SdpError("an ssrc-group is malformed (RFC 5576 section 4.2)")
        ssrcs = tuple(_ssrc(text) for text in match[2].split())
        _append(self._groups, SsrcGroup(semantics=match[1], ssrcs=ssrcs))

    def _read_ssrc(self, value: str) -> None:
        match = _NUMBERED.fullmatch(value)
        if match is None or match[1] == "*":
            raise SdpError("an ssrc is malformed (RFC 5576 section 4.1)")
        attribute, _, text = match[2].partition(":")
        if not _TOKEN.fullmatch(attribute):
            raise SdpError("an ssrc attribute is malformed (RFC 5576 section 4.1)")
        _append(self._ssrcs, Ssrc(ssrc=_ssrc(match[1]), attribute=attribute, value=text.strip()))

    def _read_candidate(self, value: str) -> None:
        match = _CANDIDATE.fullmatch(value)
        # The server is ICE-lite and never uses these: an odd one is no reason to refuse a client.
        if match is None or len(self._candidates) >= MAX_EACH:
            return
        self._candidates.append(
            Candidate(
                foundation=match[1],
                component=int(match[2]),
                protocol=match[3],
                priority=int(match[4]),
                host=match[5],
                port=int(match[6]),
                type=match[7],
            )
        )


_READERS = {
    "mid": MediaReader._read_mid,
    "rtpmap": MediaReader._read_rtpmap,
    "fmtp": MediaReader._read_fmtp,
    "rtcp-fb": MediaReader._read_feedback,
    "extmap": MediaReader._read_extmap,
    "msid": MediaReader._read_msid,
    "ssrc-group": MediaReader._read_group,
    "ssrc": MediaReader._read_ssrc,
    "candidate": MediaReader._read_candidate,
}


def _ssrc(text: str) -> int:
    value = int(text)
    if value >= 2**32:
        raise SdpError("an SSRC is larger than 32 bits")
    return value


def _append(items: list[_T], item: _T) -> None:
    if len(items) >= MAX_EACH:
        raise SdpError(f"an m-line carries more than {MAX_EACH} attributes of one name")
    items.append(item)
