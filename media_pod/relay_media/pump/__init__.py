"""The packet pump: it moves packets by rules that others install, and decides nothing itself.

:mod:`.interface` is what callers may rely on. :class:`Pump` is the implementation in use.
"""

from __future__ import annotations

from relay_media.pump.interface import (
    Address,
    LinkEvents,
    PortEvents,
    SinkRule,
    SourceEvents,
    SourceRule,
)
from relay_media.pump.link import Link
from relay_media.pump.pump import Pump
from relay_media.pump.sink import Sink
from relay_media.pump.source import Source

__all__ = [
    "Address",
    "Link",
    "LinkEvents",
    "PortEvents",
    "Pump",
    "Sink",
    "SinkRule",
    "Source",
    "SourceEvents",
    "SourceRule",
]
