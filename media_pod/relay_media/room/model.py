"""What the room is made of: links to people, tracks, reasons and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from relay_media.sdp import Profile
from relay_media.signalling.messages import Source
from relay_media.transport import PublishedStream, ReceiveSpec

LeftReason = Literal[
    "left",
    "connection_lost",
    "duplicate_identity",
    "removed",
    "hall_closed",
    "server_shutdown",
]

#: How long a participant's place is kept after its socket went.
GRACE_SECONDS = 20.0
#: A client that goes this soon after its welcome, without a word, never really came in.
CONFIRM_SECONDS = 5.0
MAX_TRACKS = 8
#: M-lines of one subscriber. Tracks beyond it wait until another one ends.
MAX_SUBSCRIPTIONS = 200


class CloseCode:
    """WebSocket close codes; ``docs/protocol.md`` tells clients what to do on each."""

    NORMAL = 1000
    HALL_FULL = 4003
    HALL_CLOSED = 4005
    BAD_MESSAGE = 4009
    POD_LOST = 4010
    REPLACED = 4011
    REMOVED = 4012


CLOSE_CODES: Mapping[LeftReason, int] = {
    "left": CloseCode.NORMAL,
    "connection_lost": CloseCode.NORMAL,
    "duplicate_identity": CloseCode.REPLACED,
    "removed": CloseCode.REMOVED,
    "hall_closed": CloseCode.HALL_CLOSED,
    "server_shutdown": CloseCode.POD_LOST,
}


class Link(Protocol):
    """A participant's socket, as the room sees it. Nothing here blocks."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message; a link that reads too slowly ends itself."""

    def end(self, code: int, reason: str) -> None:
        """Close after what is queued was sent."""

    async def ended(self) -> None:
        """Return when the socket is closed."""

    def abort(self) -> None:
        """Close now."""


@dataclass(kw_only=True)
class Track:
    """One published track; ``profile`` is what subscribers are offered."""

    id: str
    sid: str
    mid: str
    kind: Literal["audio", "video"]
    source: Source
    muted: bool
    profile: Profile
    spec: ReceiveSpec
    stream: PublishedStream

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "source": self.source, "muted": self.muted}
