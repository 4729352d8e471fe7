"""The pod's one UDP port."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from relay_media.transport.peer import Peer
from relay_media.transport.types import Candidate, PeerState, PortStats


class MediaPort:
    """One UDP socket that every peer of the pod shares; made by :meth:`open`."""

    candidates: tuple[Candidate, ...]
    fingerprint: str
    """Of the pod's one certificate, as in ``a=fingerprint``: ``sha-256 AA:BB:...``."""

    @classmethod
    async def open(
        cls,
        *,
        bind: str,
        port: int,
        advertised: Sequence[tuple[str, int]],
        max_video_bps: int = 2_500_000,
    ) -> MediaPort:
        """Bind and begin to read.

        Args:
            bind: local address, ``0.0.0.0`` or ``::`` for all.
            port: UDP port, 0 for any.
            advertised: ``(address, port)`` pairs that become candidates; port 0 = the bound port;
                empty = the bound address and port.
            max_video_bps: what one publisher is allowed per video stream by REMB.

        Raises:
            TransportError: the address cannot be bound.
        """
        raise NotImplementedError

    def create_peer(self, *, on_state: Callable[[PeerState], None]) -> Peer:
        """A peer with fresh ICE credentials.

        Raises:
            TransportError: the port is closed.
        """
        raise NotImplementedError

    def stats(self) -> PortStats:
        raise NotImplementedError

    async def close(self) -> None:
        """Close every peer, then the socket. Idempotent."""
        raise NotImplementedError
