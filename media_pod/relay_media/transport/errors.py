"""The transport's refusals."""

from __future__ import annotations

from relay_media.errors import PermanentError


class TransportError(PermanentError):
    """The transport was asked for what its state or the far end's description does not allow."""
