"""Whether a hall can be joined just now, read from its object. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relay_crds import Hall
from relay_crds.names import ConditionStatus, ConditionType, ReadyReason


class Reason(StrEnum):
    """Why somebody waits."""

    STARTING = "starting"
    WAKING = "waking"
    REPLACING = "replacing"


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Nobody gets in any more."""


@dataclass(frozen=True, kw_only=True)
class Hopeless:
    """Waiting does not help: somebody has to change something first."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """No pod yet. ``asleep``: nobody makes one until the hall is woken."""

    reason: Reason
    message: str
    asleep: bool = False


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """``address`` is the pod's IP; ``pod_name`` tells one incarnation from the next."""

    address: str
    pod_name: str
    reason: Reason
    message: str


Situation = Closed | Hopeless | Waiting | Reachable

_HOPELESS: Final = {
    ReadyReason.CLASS_NOT_FOUND: "This hall's class does not exist, so it cannot start.",
    ReadyReason.PLAN_NOT_FOUND: "This account's plan does not exist, so the hall cannot start.",
    ReadyReason.POD_REJECTED: "The cluster refuses to run this hall.",
    ReadyReason.STORAGE_NOT_CONFIGURED: "This hall is to be recorded, but there is no storage.",
    ReadyReason.PLAN_REQUIRED: "This hall needs something that its plan does not include.",
    ReadyReason.METADATA_TOO_LARGE: "This hall's metadata is too large, so it cannot start.",
}
_WORDS: Final = {
    ReadyReason.POD_UNSCHEDULABLE: "The cluster is full. The hall starts when there is room.",
    ReadyReason.IMAGE_PULL_FAILED: "The hall's server cannot be fetched yet. Trying again.",
    ReadyReason.MEDIA_UNREACHABLE: "The hall's server does not answer yet.",
}
_STARTING: Final = "The hall is starting."
_WAKING: Final = "The hall is waking up."
_REPLACING: Final = "The hall is moving to another server."


def situation_of(hall: Hall) -> Situation:
    """What a join should do now. Words are for participants: they name no node and no pod."""
    if hall.closing:
        return Closed()
    ready = hall.status.condition(ConditionType.READY)
    reason = ready.reason if ready else ReadyReason.PENDING
    if reason in _HOPELESS:
        return Hopeless(message=_HOPELESS[ReadyReason(reason)])
    if reason == ReadyReason.HIBERNATED:
        return Waiting(reason=Reason.WAKING, message=_WAKING, asleep=True)
    why, message = _waiting_words(hall, reason)
    address, pod_name = hall.status.endpoint, hall.status.pod_name
    serving = ready is not None and ready.status is ConditionStatus.TRUE
    # The operator's own way to the pod may be broken while ours is not: then ours is tried.
    if address and pod_name and (serving or reason == ReadyReason.MEDIA_UNREACHABLE):
        return Reachable(address=address, pod_name=pod_name, reason=why, message=message)
    return Waiting(reason=why, message=message)


def _waiting_words(hall: Hall, reason: str) -> tuple[Reason, str]:
    words = _WORDS.get(ReadyReason(reason)) if reason in set(ReadyReason) else None
    woken, failure = hall.wake_requested_at, hall.status.last_pod_failure
    if reason in {ReadyReason.POD_LOST, ReadyReason.ASSIGNED}:
        return Reason.REPLACING, words or _REPLACING
    # The newer of the two is what the hall is being started for.
    if woken and (failure is None or failure.at is None or woken > failure.at):
        return Reason.WAKING, words or _WAKING
    if failure:
        return Reason.REPLACING, words or _REPLACING
    return Reason.STARTING, words or _STARTING
