"""Conditions by the Kubernetes API conventions: level, not history.

``lastTransitionTime`` moves only when ``status`` does; each entry says which generation it is for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from relay_crds import Condition, Hall, HallStatus
from relay_crds.names import ConditionStatus, ConditionType, ReadyReason

_MESSAGE_MAX: Final = 32_768
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def with_condition(
    status: HallStatus,
    *,
    kind: ConditionType,
    value: ConditionStatus,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> HallStatus:
    """The status with this condition set; unknown types and the order of the others are kept."""
    old = status.condition(kind)
    moved = old is None or old.status is not value or old.last_transition_time is None
    new = Condition(
        type=kind.value,
        status=value,
        reason=reason,
        message=message[:_MESSAGE_MAX],
        observed_generation=generation,
        last_transition_time=now if moved or old is None else old.last_transition_time,
    )
    if old is None:
        return replace(status, conditions=(*status.conditions, new))
    kept = tuple(new if found.type == kind else found for found in status.conditions)
    return replace(status, conditions=kept)


def ready_reason(status: HallStatus) -> str:
    """The reason of ``Ready``, or nothing on first sight."""
    ready = status.condition(ConditionType.READY)
    return "" if ready is None else ready.reason


def is_hibernated(status: HallStatus) -> bool:
    return ready_reason(status) == ReadyReason.HIBERNATED


def hibernated_at(status: HallStatus) -> datetime | None:
    """When the hall gave its pod back.

    ``Ready`` stays ``True`` through a hibernation, so its transition time says nothing about it;
    that of ``MediaReachable`` does.
    """
    reachable = status.condition(ConditionType.MEDIA_REACHABLE)
    if not is_hibernated(status) or reachable is None:
        return None
    return reachable.last_transition_time


def with_unused_features(hall: Hall, status: HallStatus, now: datetime) -> HallStatus:
    """``Recording`` and ``Moderating`` for a release that can do neither."""
    asked = (
        (
            ConditionType.RECORDING,
            hall.spec.record,
            ReadyReason.STORAGE_NOT_CONFIGURED,
            "recording needs S3 storage, which this release cannot be given",
        ),
        (
            ConditionType.MODERATING,
            hall.spec.moderation,
            ReadyReason.PLAN_REQUIRED,
            "moderation is not part of the namespace's plan",
        ),
    )
    for kind, wanted, reason, message in asked:
        status = with_condition(
            status,
            kind=kind,
            value=FALSE,
            reason=reason.value if wanted else "NotRequested",
            message=message if wanted else "",
            generation=hall.meta.generation,
            now=now,
        )
    return status
