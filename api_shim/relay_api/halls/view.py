"""A Hall object as REST shows it. Pure."""

from __future__ import annotations

import json
from enum import StrEnum

from relay_api.kube.versions import version_of
from relay_crds import Hall, format_time
from relay_crds.times import to_milliseconds


class Status(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


SortKey = tuple[int, str]
"""Milliseconds since 1970 and hall id: creation order, total even within a millisecond."""


class HallView:
    """One Hall, rendered at most once for a plan's cap: a list of 100 costs a join of bytes."""

    __slots__ = ("_cap", "_json", "hall", "hall_id", "sort_key", "status", "version")

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.hall_id = hall.hall_id
        self.sort_key: SortKey = (to_milliseconds(hall.created_at), self.hall_id)
        # Closed from the moment that somebody asks for it: the operator catches up.
        self.status = Status.CLOSED if hall.closing else Status.ACTIVE
        self.version = version_of(hall.meta.resource_version)
        self._cap: int | None = None
        self._json: bytes | None = None

    def json(self, cap: int | None) -> bytes:
        """The hall object of the REST contract; ``cap`` is the plan's, None where none is known."""
        if self._json is None or self._cap != cap:
            self._json = render(self.hall, self.hall_id, cap)
            self._cap = cap
        return self._json


def render(hall: Hall, hall_id: str, cap: int | None) -> bytes:
    """Exactly the fields of the contract, as UTF-8 JSON."""
    closed_at = (
        hall.status.closed_at or hall.close_requested_at or hall.meta.deletion_timestamp
        if hall.closing
        else None
    )
    shown = {
        "hall_id": hall_id,
        "name": hall.spec.display_name or hall.meta.name,
        "status": Status.CLOSED if hall.closing else Status.ACTIVE,
        "max_participants": effective_cap(hall, cap),
        "record": hall.spec.record,
        "moderation": hall.spec.moderation,
        "participant_count": 0 if hall.closing else (hall.status.participant_count or 0),
        "metadata": hall.spec.metadata,
        "created_at": format_time(hall.created_at),
        "closed_at": format_time(closed_at) if closed_at else None,
    }
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    # kubectl may have stored half a surrogate pair; what cannot be UTF-8 is shown as "?".
    return text.encode("utf-8", "replace")


def effective_cap(hall: Hall, cap: int | None) -> int:
    """How many may be inside: what the operator found or, until it has, what it will find."""
    if hall.status.max_participants is not None:
        return hall.status.max_participants
    return hall.spec.max_participants if cap is None else min(hall.spec.max_participants, cap)
