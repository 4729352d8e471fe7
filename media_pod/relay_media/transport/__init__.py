"""The pod's one UDP port: ICE-lite, DTLS, SRTP and the forwarding of RTP between peers.

Everything is used on one event loop and nothing here blocks. Callbacks are called on that loop,
outside of the caller's own call, and must not raise.
"""

from __future__ import annotations

from relay_media.forward.published import PublishedStream
from relay_media.forward.specs import CodecSpec, ReceiveSpec, ReceiveStats, SendSpec, SendStats
from relay_media.forward.subscribed import SubscribedStream
from relay_media.transport.errors import TransportError
from relay_media.transport.peer import Peer
from relay_media.transport.port import MediaPort
from relay_media.transport.types import (
    Candidate,
    PeerState,
    PeerStats,
    PortStats,
)

__all__ = [
    "Candidate",
    "CodecSpec",
    "MediaPort",
    "Peer",
    "PeerState",
    "PeerStats",
    "PortStats",
    "PublishedStream",
    "ReceiveSpec",
    "ReceiveStats",
    "SendSpec",
    "SendStats",
    "SubscribedStream",
    "TransportError",
]
