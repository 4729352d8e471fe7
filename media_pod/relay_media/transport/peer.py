"""One RTCPeerConnection of a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from relay_media.forward.published import PublishedStream
from relay_media.forward.specs import ReceiveSpec, SendSpec
from relay_media.forward.subscribed import SubscribedStream
from relay_media.transport.types import PeerState, PeerStats


class Peer:
    """ICE-lite controlled agent and DTLS server towards one browser connection."""

    ice_ufrag: str
    ice_pwd: str
    state: PeerState

    def start(
        self,
        *,
        remote_ufrag: str,
        remote_pwd: str,
        remote_fingerprints: Sequence[str],
        remote_setup: str,
    ) -> None:
        """Begin, once the far end's description is known. Called once; returns at once.

        Args:
            remote_ufrag: its ``a=ice-ufrag``.
            remote_pwd: its ``a=ice-pwd``; unused by a lite agent, kept for consent later.
            remote_fingerprints: its ``a=fingerprint`` values, ``sha-256 AA:BB:...``.
            remote_setup: its ``a=setup``: ``active`` or ``actpass``; we are always passive.

        Raises:
            TransportError: called twice or after close, or no usable fingerprint, or ``passive``.
        """
        raise NotImplementedError

    def receive(
        self, spec: ReceiveSpec, *, on_level: Callable[[int], None] | None = None
    ) -> PublishedStream:
        """Accept what the peer publishes on one m-line. May precede :meth:`start`.

        ``on_level`` gets each packet's audio level, 0 (loudest) .. 127 in -dBov (RFC 6464).

        Raises:
            TransportError: the peer is closed, or the mid is in use.
        """
        raise NotImplementedError

    def send(self, stream: PublishedStream, spec: SendSpec) -> SubscribedStream:
        """Forward a published stream to this peer; a key frame is asked for by itself.

        Raises:
            TransportError: the peer or the stream is closed, or the SSRC is in use.
        """
        raise NotImplementedError

    def stats(self) -> PeerStats:
        raise NotImplementedError

    async def close(self) -> None:
        """BYE, DTLS close, and forget. Its streams are closed too. Idempotent."""
        raise NotImplementedError
