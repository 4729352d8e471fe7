"""The one decision: from a Hall and what is observed around it to what is to be done now."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay_crds import Hall
from relay_crds.names import FINALIZER, ClosedReason, IdlePolicy
from relay_operator.plan.actions import Action, AddFinalizer, RequeueAfter
from relay_operator.plan.closing import plan_closing
from relay_operator.plan.conditions import is_hibernated
from relay_operator.plan.observed import Observed, PodState
from relay_operator.plan.opening import plan_open
from relay_operator.plan.serving import idle_deadline
from relay_operator.plan.survey import Case, Survey, survey


def plan(hall: Hall, observed: Observed, now: datetime) -> list[Action]:
    """What to do for this Hall, in order; nothing where all is as it should be.

    A function of its arguments alone: the same situation gives the same plan, whatever happened
    before, so a crash, a lost event or a second run changes nothing.
    """
    if hall.paused:
        return []
    if hall.closing:
        return plan_closing(hall, observed, now, _recorded_reason(hall))
    found = survey(hall, observed, now)
    if (reason := _ends_by_itself(hall, found, observed, now)) is not None:
        return plan_closing(hall, observed, now, reason)
    finalizer: list[Action] = [] if FINALIZER in hall.meta.finalizers else [AddFinalizer()]
    actions = plan_open(Case(hall=hall, observed=observed, found=found, now=now), finalizer)
    if (end := _duration_end(hall)) is not None:
        actions.append(RequeueAfter(seconds=max(0.05, (end - now).total_seconds())))
    return actions


def _recorded_reason(hall: Hall) -> ClosedReason:
    try:
        return ClosedReason(hall.status.closed_reason or ClosedReason.DELETED)
    except ValueError:  # a newer Relay closed it, for a reason of its own
        return ClosedReason.DELETED


def _ends_by_itself(
    hall: Hall, found: Survey, observed: Observed, now: datetime
) -> ClosedReason | None:
    end = _duration_end(hall)
    if end is not None and end <= now:
        return ClosedReason.MAX_DURATION
    if hall.spec.idle_policy is not IdlePolicy.CLOSE:
        return None
    if is_hibernated(hall.status):  # the policy was changed while nobody was in
        return ClosedReason.IDLE
    # Once told to close for idleness the pod says so for ever, and `found` counts it as ended.
    pods = [pod for pod in observed.pods if pod.owner_uid == hall.meta.uid]
    for pod in pods:
        report = observed.report(pod)
        current = found.current is not None and pod.uid == found.current.uid
        deadline = idle_deadline(hall, report)
        told = report.closing_since is not None or report.state is PodState.CLOSED
        if (current or told) and deadline is not None and deadline <= now:
            return ClosedReason.IDLE
    return None


def _duration_end(hall: Hall) -> datetime | None:
    """When the hall's time is over, counted from its creation whoever is in and whatever it did."""
    if hall.spec.max_duration_seconds is None:
        return None
    return hall.created_at + timedelta(seconds=hall.spec.max_duration_seconds)
