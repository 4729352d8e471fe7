"""Why a Hall gets no pod: what its owner, or the platform's, has to change first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from relay_crds import Hall
from relay_crds.names import METADATA_MAX_BYTES, ReadyReason
from relay_operator.plan.conditions import FALSE
from relay_operator.plan.observed import Observed
from relay_operator.plan.writing import NO_POD, NOT_TRIED, Verdict


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """``retry_after``: seconds until another try is worth it without any change; or never."""

    verdict: Verdict
    retry_after: float | None = None


def refusal(hall: Hall, observed: Observed, now: datetime) -> Refusal | None:
    """The first reason not to make a pod. A hall that has one keeps it: calls go on."""
    spec = hall.spec
    if spec.metadata_too_large:
        return _refused(
            ReadyReason.METADATA_TOO_LARGE,
            f"spec.metadata is larger than {METADATA_MAX_BYTES} bytes as JSON: make it smaller",
        )
    if spec.record:
        return _refused(
            ReadyReason.STORAGE_NOT_CONFIGURED,
            "spec.record needs S3 storage, which this release cannot be given: "
            "create the Hall without it",
        )
    if spec.moderation:
        return _refused(
            ReadyReason.PLAN_REQUIRED,
            "spec.moderation is not there in this release, whatever the plan includes: "
            "create the Hall without it",
        )
    if observed.hall_class is None:
        return _refused(
            ReadyReason.CLASS_NOT_FOUND,
            f"there is no HallClass {spec.class_name!r}: create it, "
            "or create the Hall with another spec.className",
        )
    if observed.plan is None:
        return _refused(
            ReadyReason.PLAN_NOT_FOUND,
            f"there is no Plan {observed.plan_name!r}: create it, "
            "or set another spec.planName in the namespace's Account",
        )
    return _rejected(hall, observed, observed.hall_class.meta.resource_version, now)


def _rejected(hall: Hall, observed: Observed, class_version: str, now: datetime) -> Refusal | None:
    found, limits = observed.rejection, observed.limits
    if found is None:
        return None
    if (found.hall_generation, found.class_version) != (hall.meta.generation, class_version):
        return None
    pause = min(
        limits.rejection_retry * 2 ** min(found.attempts - 1, 10), limits.rejection_retry_max
    )
    wait = (found.at + pause - now).total_seconds()
    if wait <= 0:
        return None
    refused = _refused(ReadyReason.POD_REJECTED, found.message)
    return Refusal(verdict=refused.verdict, retry_after=wait)


def _refused(reason: ReadyReason, message: str) -> Refusal:
    return Refusal(
        verdict=Verdict(
            ready=FALSE, reason=reason, message=message, scheduled=NO_POD, reachable=NOT_TRIED
        )
    )
