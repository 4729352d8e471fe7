"""One person in the room: a place under the cap, perhaps a socket, perhaps media."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from relay_media.hall import Hall, Person
from relay_media.room.model import CONFIRM_SECONDS, Link, Track
from relay_media.room.publishing import Publishing
from relay_media.room.subscribing import Subscriptions
from relay_media.transport import MediaPort, PeerState


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a participant tells its room."""

    spawn: Callable[[Coroutine[None, None, None]], object]
    on_media: Callable[[Participant], None]
    on_ended: Callable[[Participant, Track], None]
    on_level: Callable[[Track, int], None]


class Participant:
    """Created on admission, kept through socket losses, closed once."""

    def __init__(
        self, *, person: Person, session: str, hall: Hall, media: MediaPort, hooks: Hooks
    ) -> None:
        self.sid = f"p_{secrets.token_hex(8)}"
        self.person = person
        self.session = session
        self.link: Link | None = None
        self.joined_at = asyncio.get_running_loop().time()
        self.grace: asyncio.TimerHandle | None = None
        self.spoke = False
        self._states: dict[str, PeerState | None] = {}
        self._had_media = False
        self._hooks = hooks
        self.publishing = Publishing(
            sid=self.sid,
            media=media,
            codecs=hall.codecs,
            spawn=hooks.spawn,
            on_state=lambda state: self._changed("publish", state),
            on_level=hooks.on_level,
        )
        self.subscriptions = Subscriptions(
            media=media,
            spawn=hooks.spawn,
            send=self.send,
            on_state=lambda state: self._changed("subscribe", state),
        )

    @property
    def confirmed(self) -> bool:
        """Whether the client took its place: it said something, or stayed a while.

        A join that was aborted midway gives its place back at once instead of after the grace.
        """
        age = asyncio.get_running_loop().time() - self.joined_at
        return self.spoke or self._had_media or age >= CONFIRM_SECONDS

    @property
    def media_lost(self) -> bool:
        """Media flowed once, and no connection carries any now."""
        return self._had_media and PeerState.CONNECTED not in self._states.values()

    @property
    def duration_seconds(self) -> float:
        return round(asyncio.get_running_loop().time() - self.joined_at, 3)

    def as_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "identity": self.person.identity,
            "name": self.person.name,
            "role": self.person.role,
            "tracks": [track.as_json() for track in self.publishing.tracks],
        }

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell the client, if it has a socket now."""
        if self.link is not None:
            self.link.send(message)

    def attach(self, link: Link) -> None:
        self.link = link
        self.stop_grace()

    def stop_grace(self) -> None:
        if self.grace is not None:
            self.grace.cancel()
            self.grace = None

    def close(self) -> None:
        """End media; returns at once."""
        self.stop_grace()
        self.publishing.close()
        self.subscriptions.close()

    def _changed(self, connection: str, state: PeerState | None) -> None:
        self._states[connection] = state
        if state is PeerState.CONNECTED:
            self._had_media = True
        if connection == "publish" and state in (PeerState.CLOSED, PeerState.FAILED):
            for track in self.publishing.end_tracks():
                self._hooks.on_ended(self, track)
        self._hooks.on_media(self)
