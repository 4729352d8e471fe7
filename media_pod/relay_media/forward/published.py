"""A stream that a peer publishes."""

from __future__ import annotations

from relay_media.forward.specs import CodecSpec, ReceiveStats


class PublishedStream:
    """One m-line of a publisher; made by :meth:`Peer.receive`."""

    @property
    def codec(self) -> CodecSpec | None:
        """The codec in use, in the publisher's own payload types; None before the first packet."""
        raise NotImplementedError

    @property
    def paused(self) -> bool:
        """True while muted: nothing is forwarded and no level reported."""
        raise NotImplementedError

    @paused.setter
    def paused(self, value: bool) -> None:
        raise NotImplementedError

    def request_keyframe(self) -> None:
        """Ask the publisher for a key frame, at most every 500 ms and until one comes."""
        raise NotImplementedError

    def stats(self) -> ReceiveStats:
        raise NotImplementedError

    def close(self) -> None:
        """Stop receiving and end every subscription to it. Idempotent."""
        raise NotImplementedError
