"""Reading what a media pod answers. A pod may be broken into, so nothing in it is believed twice.

Pure; every function raises ``MalformedAnswerError`` for anything that is not what the contract
says, and for nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay_crds import MalformedObjectError
from relay_crds.fields import Fields
from relay_operator.errors import PodUnreachableError
from relay_operator.plan import PodState

ANSWER_MAX_BYTES: Final = 4 * 1024 * 1024
ANOTHER_POD: Final = "the token is for another pod"
"""What a pod says to a token that names another one."""
_COUNT_MAX: Final = 100_000
_SEQUENCE_MAX: Final = 2**53


class MalformedAnswerError(PodUnreachableError):
    """The answer is not what a media pod says."""


@dataclass(frozen=True, kw_only=True)
class PodAnswer:
    """``GET /status`` and ``POST /assign``. ``empty_since``: ``None`` while somebody is in."""

    pod_uid: str
    hall_uid: str | None
    state: PodState
    participants: int
    empty_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class EventsPage:
    """``GET /events``. ``types``: of the events, in order. ``gap``: older ones were forgotten."""

    pod_uid: str
    sequence: int
    types: tuple[str, ...]
    participants: int
    empty_since: datetime | None
    gap: bool


def read_status(data: bytes) -> PodAnswer:
    fields = _fields(data)
    try:
        state = fields.required_text("state")
        if state not in {PodState.IDLE, PodState.ASSIGNED, PodState.CLOSED}:
            raise MalformedAnswerError(f"the pod says that its state is {state[:40]!r}")
        return PodAnswer(
            pod_uid=fields.required_text("pod_uid"),
            hall_uid=fields.text("hall_uid"),
            state=PodState(state),
            participants=_number(fields, "participants", _COUNT_MAX),
            empty_since=fields.time("empty_since"),
        )
    except MalformedObjectError as error:
        raise MalformedAnswerError(f"the pod's status: {error}") from error


def read_events(data: bytes) -> EventsPage:
    fields = _fields(data)
    try:
        return EventsPage(
            pod_uid=fields.required_text("pod_uid"),
            sequence=_number(fields, "sequence", _SEQUENCE_MAX),
            types=tuple(event.required_text("type") for event in fields.sections("events")),
            participants=_number(fields, "participants", _COUNT_MAX),
            empty_since=fields.time("empty_since"),
            gap=fields.flag("gap"),
        )
    except MalformedObjectError as error:
        raise MalformedAnswerError(f"the pod's events: {error}") from error


def read_refusal(data: bytes) -> str:
    """Why a request was refused, or nothing where it was not said."""
    try:
        return _fields(data).text("detail") or ""
    except (MalformedAnswerError, MalformedObjectError):
        return ""


def _fields(data: bytes) -> Fields:
    try:
        return Fields(json.loads(data))
    except (ValueError, RecursionError, MalformedObjectError) as error:
        raise MalformedAnswerError("the pod's answer is not a JSON object") from error


def _number(fields: Fields, name: str, maximum: int) -> int:
    value = fields.integer(name)
    if value is None or not 0 <= value <= maximum:
        raise MalformedAnswerError(f"the pod's {name} is missing or out of range")
    return value
