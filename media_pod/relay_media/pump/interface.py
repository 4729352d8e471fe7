"""What passes between the pump and those who install its rules.

The vocabulary: a *link* is one peer's keys and addresses, a *source* one incoming SSRC, a *sink*
one source's way out to one link. Rules are plain values and events are few and carry bytes, so that
an implementation outside of Python can take the place of this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from relay_media.rtp.header import Header

Address = tuple[Any, ...]
"""As the socket gives it: (host, port) or (host, port, flow, scope)."""


class Arrival(NamedTuple):
    """One packet that came in on a source, decrypted, with the publisher's own numbers."""

    sequence: int
    """Unwrapped."""
    timestamp: int
    marker: int
    """0x80 or 0, as it sits in the second byte."""
    starts_keyframe: bool
    at: float
    """Monotonic seconds."""
    header: Header
    data: bytes


@dataclass(frozen=True, kw_only=True)
class SourceRule:
    """How packets of one incoming SSRC are read."""

    ssrc: int
    codec: str
    payload_type: int
    clock_rate: int
    is_video: bool
    extensions: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SinkRule:
    """How packets of a source are written for one subscriber."""

    ssrc: int
    payload_type: int
    rtx_ssrc: int | None = None
    rtx_payload_type: int | None = None
    extensions: Mapping[int, str] = field(default_factory=dict)


class SourceEvents(Protocol):
    """Told once per wake-up at most, after the packets are on their way, except for levels."""

    def on_gap(self, now: float) -> None:
        """Sequence numbers are missing that were not before."""

    def on_keyframe(self, now: float) -> None:
        """A key frame has begun."""

    def on_level(self, level: int) -> None:
        """The audio level of a packet, 0..127 in -dBov."""


class LinkEvents(Protocol):
    """What a peer's datagrams bring that is not forwarded."""

    def on_dtls(self, data: bytes) -> None:
        """A DTLS record from an admitted address."""

    def on_rtcp(self, data: bytes, now: float) -> None:
        """A decrypted compound."""

    def on_unmapped(self, data: bytes, now: float) -> bool:
        """A decrypted packet of an SSRC without a source; True if it has one now."""


class PortEvents(Protocol):
    def on_stun(self, data: bytes, address: Address) -> None:
        """A datagram that looks like STUN, from anybody."""
