"""The one error that parsing outside bytes may raise."""

from __future__ import annotations


class FormatError(ValueError):
    """The bytes are not what the RFC says; the packet is dropped and counted."""
