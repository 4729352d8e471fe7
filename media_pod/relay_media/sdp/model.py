"""Session descriptions as types: the WebRTC subset of SDP (RFC 8866, RFC 9429), frozen.

Session-level attributes that a browser may give once for all (ICE credentials, fingerprint, setup)
are kept where they apply: at each media section. The reader moves them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay_media.errors import PermanentError

Kind = Literal["audio", "video", "application"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup = Literal["actpass", "active", "passive"]

DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")


class SdpError(PermanentError):
    """A session description cannot be used; the message says which rule it breaks."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """RFC 8839 section 5.1, without the extension attributes at its end."""

    foundation: str
    component: int
    protocol: str
    priority: int
    host: str
    port: int
    type: str


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A payload type: ``rtpmap``, ``fmtp`` (in order, as written) and ``rtcp-fb``.

    ``channels`` is 1 where rtpmap names none. ``parameters`` holds (name, value) pairs; a
    parameter without ``=`` has the value ``""``.
    """

    pt: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: tuple[tuple[str, str], ...] = ()
    feedback: tuple[str, ...] = ()

    def parameter(self, name: str) -> str | None:
        """Value of an fmtp parameter; names compare without case (RFC 8866 section 6.15)."""
        for key, value in self.parameters:
            if key.lower() == name.lower():
                return value
        return None


@dataclass(frozen=True, kw_only=True)
class Extension:
    """An RTP header extension (RFC 8285): ``uri`` travels under ``id``."""

    id: int
    uri: str


@dataclass(frozen=True, kw_only=True)
class SsrcGroup:
    """RFC 5576 section 4.2; semantics FID ties a stream to its retransmissions."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Ssrc:
    """One ``a=ssrc`` attribute, such as (1234, "cname", "x")."""

    ssrc: int
    attribute: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Of the DTLS certificate (RFC 8122): algorithm in lower case, value in upper case hex."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


@dataclass(frozen=True, kw_only=True)
class Media:
    """One m-line with its attributes. ``port`` 0 without ``bundle_only`` means rejected."""

    kind: Kind
    mid: str
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    formats: tuple[str, ...] = ()
    direction: Direction = "sendrecv"
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[Extension, ...] = ()
    ufrag: str | None = None
    pwd: str | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: Setup | None = None
    msids: tuple[tuple[str, str], ...] = ()
    ssrc_groups: tuple[SsrcGroup, ...] = ()
    ssrcs: tuple[Ssrc, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    rtcp_mux: bool = True
    rtcp_rsize: bool = False
    bundle_only: bool = False
    end_of_candidates: bool = False

    @property
    def rejected(self) -> bool:
        """RFC 8829 section 5.2.1: port 0 on an m-line that does not travel on another's port."""
        return self.port == 0 and not self.bundle_only

    @property
    def sends(self) -> bool:
        return not self.rejected and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return not self.rejected and self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A whole description. ``bundle`` holds the mids of its one BUNDLE group (RFC 9143)."""

    id: int
    version: int
    ice_lite: bool = False
    bundle: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
