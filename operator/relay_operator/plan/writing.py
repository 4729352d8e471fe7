"""From a new status to actions: written only where it differs, told only on transitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay_crds import Hall, HallStatus, PodFailure
from relay_crds.names import ConditionStatus, ConditionType, ReadyReason
from relay_operator.plan.actions import Action, EmitEvent, EventType, PatchStatus, RequeueAfter
from relay_operator.plan.conditions import FALSE, UNKNOWN, with_condition, with_unused_features
from relay_operator.plan.observed import Loss, Observed

_CALM: Final = frozenset(
    {
        ReadyReason.PENDING,
        ReadyReason.POD_STARTING,
        ReadyReason.ASSIGNED,
        ReadyReason.HIBERNATED,
        ReadyReason.CLOSING,
        ReadyReason.CLOSED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the conditions are to say.

    ``scheduled``, ``reachable``: (status, reason, message); ``None`` leaves what is there.
    """

    ready: ConditionStatus
    reason: ReadyReason
    message: str
    scheduled: tuple[ConditionStatus, str, str] | None = None
    reachable: tuple[ConditionStatus, str, str] | None = None


NO_POD: Final = (FALSE, "NoPod", "")
NOT_TRIED: Final = (UNKNOWN, "NoPod", "")


def write(
    hall: Hall, status: HallStatus, verdict: Verdict, observed: Observed, now: datetime
) -> list[Action]:
    """Bring the conditions to ``verdict`` and return the patch and event, where there are any."""
    generation = hall.meta.generation
    wanted: tuple[tuple[ConditionType, tuple[ConditionStatus, str, str] | None], ...] = (
        (ConditionType.READY, (verdict.ready, verdict.reason.value, verdict.message)),
        (ConditionType.POD_SCHEDULED, verdict.scheduled),
        (ConditionType.MEDIA_REACHABLE, verdict.reachable),
    )
    for kind, entry in wanted:
        if entry is not None:
            value, reason, message = entry
            status = with_condition(
                status,
                kind=kind,
                value=value,
                reason=reason,
                message=message,
                generation=generation,
                now=now,
            )
    status = with_unused_features(hall, status, now)
    status = replace(status, observed_generation=generation)
    return [*_patch(hall, status, observed, now), *_event(hall, verdict)]


def _patch(hall: Hall, status: HallStatus, observed: Observed, now: datetime) -> Sequence[Action]:
    old = hall.status
    # Where nothing else has changed, the cursor is not worth a write of its own: losing it means
    # reading again events that have had their effect.
    if replace(status, event_cursor=old.event_cursor) == old:
        return ()
    only_count = replace(
        status, event_cursor=old.event_cursor, participant_count=old.participant_count
    )
    if only_count == old and observed.status_written_at is not None:
        wait = observed.status_written_at + observed.limits.count_interval - now
        if wait.total_seconds() > 0:
            return (RequeueAfter(seconds=wait.total_seconds()),)
    return (PatchStatus(status=status),)


def _event(hall: Hall, verdict: Verdict) -> Sequence[Action]:
    old = hall.status.condition(ConditionType.READY)
    if old is not None and (old.status, old.reason) == (verdict.ready, verdict.reason.value):
        return ()
    kind = EventType.NORMAL if verdict.reason in _CALM else EventType.WARNING
    return (EmitEvent(type=kind, reason=verdict.reason.value, message=verdict.message),)


def loss_text(loss: Loss) -> str:
    return _lost(loss.pod_name, loss.reason, loss.message)


def failure_text(failure: PodFailure) -> str:
    return _lost(failure.pod_name, failure.reason, failure.message)


def _lost(name: str, reason: str, message: str | None) -> str:
    return (
        f"media pod {name} was lost ({reason}: {message})"
        if message
        else (f"media pod {name} was lost ({reason})")
    )
