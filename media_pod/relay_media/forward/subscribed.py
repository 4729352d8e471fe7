"""A published stream, as one subscriber receives it."""

from __future__ import annotations

from relay_media.forward.specs import SendStats


class SubscribedStream:
    """One m-line of a subscriber; made by :meth:`Peer.send`."""

    def stats(self) -> SendStats:
        raise NotImplementedError

    def close(self) -> None:
        """Stop sending, with an RTCP BYE. Idempotent."""
        raise NotImplementedError
