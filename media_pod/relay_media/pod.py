"""What this process is: idle, then one hall's, then closed. A pod is never used twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from relay_media.clock import now_utc, rfc3339
from relay_media.control.events import EventLog
from relay_media.errors import AlreadyAssignedError
from relay_media.hall import Hall
from relay_media.metrics import Metrics
from relay_media.room import Room
from relay_media.transport import MediaPort

log = logging.getLogger(__name__)

#: How long a pod that is told to go waits for the operator to read its last events.
FLUSH_SECONDS = 4.0

State = Literal["idle", "assigned", "closed"]


class Pod:
    """The one hall of this process, and the log of what happened in it."""

    def __init__(
        self,
        *,
        uid: str,
        media: MediaPort,
        metrics: Metrics,
        on_assigned: Callable[[Hall], None],
        grace_seconds: float | None = None,
    ) -> None:
        self.uid = uid
        self.events = EventLog()
        self.room: Room | None = None
        self.leaving = False
        self._media = media
        self._metrics = metrics
        self._on_assigned = on_assigned
        self._grace = {} if grace_seconds is None else {"grace_seconds": grace_seconds}
        self._state: State = "idle"
        self._started_at = now_utc()
        self._closing: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        return self._state

    @property
    def hall_uid(self) -> str | None:
        return self.room.hall.uid if self.room is not None else None

    @property
    def empty_since(self) -> datetime | None:
        return self.room.empty_since if self.room is not None else None

    def assign(self, hall: Hall) -> None:
        """Become this hall; for the same hall again, take its new cap and display name.

        Raises:
            AlreadyAssignedError: another hall has this pod, or it is closed.
        """
        if self._state == "closed":
            raise AlreadyAssignedError("this pod is closed: claim another one")
        if self.room is None:
            self.room = Room(
                hall=hall,
                media=self._media,
                record=self.events.append,
                metrics=self._metrics,
                **self._grace,
            )
            self._state = "assigned"
            self.events.append("hall.assigned", {"hall_id": hall.id})
            self._on_assigned(hall)
            log.info("assigned", extra={"max_participants": hall.max_participants})
            return
        current = self.room.hall
        if current.uid != hall.uid:
            raise AlreadyAssignedError("this pod serves another hall: claim another one")
        self.room.hall = replace(
            current, max_participants=hall.max_participants, display_name=hall.display_name
        )

    def status(self) -> dict[str, Any]:
        return {
            "pod_uid": self.uid,
            "hall_uid": self.hall_uid,
            "state": self._state,
            "participants": len(self.room) if self.room is not None else 0,
            "max_participants": (
                self.room.hall.max_participants if self.room is not None else None
            ),
            "sequence": self.events.sequence,
            "empty_since": rfc3339(self.empty_since) if self.empty_since else None,
            "started_at": rfc3339(self._started_at),
        }

    async def close(self, reason: str) -> None:
        """End the hall: everyone is told and out when this returns. Idempotent."""
        if self._closing is None:
            self._state = "closed"
            self._closing = asyncio.get_running_loop().create_task(self._close(reason))
        await asyncio.shield(self._closing)

    async def _close(self, reason: str) -> None:
        if self.room is not None:
            await self.room.close("hall_closed", reconnect=False)
        self.events.append("hall.closed", {"reason": reason})
        log.info("closed", extra={"reason": reason})

    async def shut_down(self) -> None:
        """The process is about to end: say goodbye, and let the operator read the last events."""
        self.leaving = True
        if self.room is None:
            return
        if self._state != "closed":
            await self.room.close("server_shutdown", reconnect=True)
        if not self.events.followed:
            return
        if not await self.events.all_read(FLUSH_SECONDS):
            log.warning("the last events were not read before the end")
