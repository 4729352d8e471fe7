"""What the room tells the transport, and what it is told back. No behaviour, no I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class PeerState(enum.Enum):
    """Where one peer connection stands. Every change is reported once, on the event loop."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    """Was connected; nothing authentic came for 5 s. Goes back to CONNECTED if it returns."""
    CLOSED = "closed"
    """Ended by :meth:`Peer.close` or by the far end's DTLS close. Final."""
    FAILED = "failed"
    """The handshake failed or took more than 15 s. Final."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One ICE host candidate (RFC 8445 §5.1), for ``a=candidate`` in every SDP the server writes.

    The line is ``candidate:{foundation} 1 udp {priority} {host} {port} typ host``.
    """

    host: str
    port: int
    priority: int
    foundation: str


@dataclass(frozen=True, kw_only=True)
class PortStats:
    """Counters of the pod's one UDP port since it was opened."""

    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    strangers: int
    """Datagrams from an address without an authenticated ICE check; dropped unread."""
    oversize: int
    """Datagrams over 1500 bytes; dropped unread."""
    malformed: int
    """Datagrams that are no STUN, DTLS or (S)RTP, or are but cannot be parsed."""
    unauthentic: int
    """STUN with unknown user or wrong integrity; SRTP that does not verify or was replayed."""
    send_errors: int
    """Datagrams that the kernel would not take (buffer full, no route)."""
    peers: int
    handshakes: int
    """DTLS handshakes going on now."""


@dataclass(frozen=True, kw_only=True)
class PeerStats:
    """One peer connection, both directions together."""

    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    unauthentic: int
    idle_seconds: float
    """Since the last authentic datagram; 0 before the first."""
    remb_bps: int | None
    """What the peer last said it can receive (REMB), in bit/s."""
    address: str | None
    """``host:port`` that media is sent to."""
    srtp_profile: str | None
