"""Plans for a Hall that ends: goodbye first, then the record of it, then the pod, then the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from relay_crds import Hall
from relay_crds.names import FINALIZER, ClosedReason, ReadyReason
from relay_operator.plan.actions import (
    Action,
    ClosePod,
    DeleteHall,
    DeletePod,
    RemoveFinalizer,
    RequeueAfter,
)
from relay_operator.plan.conditions import FALSE
from relay_operator.plan.observed import Observed, PodState
from relay_operator.plan.pods import Pod
from relay_operator.plan.survey import ending_of, served
from relay_operator.plan.writing import Verdict, write

_RETRY_SECONDS: Final = 0.2
_CLOCK_SKEW: Final = timedelta(seconds=60)
_TEXTS: Final = {
    ClosedReason.DELETED: "the hall was closed on request",
    ClosedReason.IDLE: "the hall was closed: nobody was in for its idle timeout",
    ClosedReason.MAX_DURATION: "the hall was closed: it reached its maximum duration",
}


def plan_closing(
    hall: Hall, observed: Observed, now: datetime, reason: ClosedReason
) -> list[Action]:
    """Everything from the wish that a Hall ends to its removal."""
    if hall.meta.deletion_timestamp is not None and FINALIZER not in hall.meta.finalizers:
        return []  # another's finalizer holds it; its pods go with it, by their owner reference
    own = [pod for pod in observed.pods if pod.owner_uid == hall.meta.uid]
    if hall.closed:
        return [*_remove(hall, own, observed), *_retain(hall, observed, now)]
    goodbyes = [pod for pod in own if _needs_goodbye(hall, pod, observed, now)]
    if goodbyes:
        closes: list[Action] = [
            ClosePod(name=pod.name, uid=pod.uid, ip=pod.ip, reason=reason.value) for pod in goodbyes
        ]
        return [
            *closes,
            *_closing(hall, goodbyes, observed, now),
            RequeueAfter(seconds=_RETRY_SECONDS),
        ]
    return [*_closed(hall, observed, now, reason), *_remove(hall, own, observed)]


def _needs_goodbye(hall: Hall, pod: Pod, observed: Observed, now: datetime) -> bool:
    """Whether participants may be in this pod who were not told yet, and can still be."""
    report = observed.report(pod)
    # One that does not know our key takes no word from us: the kubelet is left to end it.
    if report.state is PodState.CLOSED or report.refuses_key or not pod.ip:
        return False
    if report.state is not PodState.ASSIGNED and not served(hall, pod):
        return False
    if ending_of(hall, pod, observed, now) is not None:
        return False
    since = report.closing_since
    return since is None or now - since < observed.limits.close_deadline


def _closing(hall: Hall, pods: list[Pod], observed: Observed, now: datetime) -> list[Action]:
    """Said only when the first goodbye has failed: usually the hall is closed a moment later."""
    if all(observed.report(pod).closing_since is None for pod in pods):
        return []
    verdict = Verdict(
        ready=FALSE,
        reason=ReadyReason.CLOSING,
        message=f"waiting for {pods[0].name} to say goodbye to everybody",
    )
    return write(hall, hall.status, verdict, observed, now)


def _closed(hall: Hall, observed: Observed, now: datetime, reason: ClosedReason) -> list[Action]:
    requested = hall.close_requested_at
    believable = (
        requested is not None and hall.created_at - _CLOCK_SKEW <= requested <= now + _CLOCK_SKEW
    )
    status = replace(
        hall.status,
        pod_name=None,
        node_name=None,
        endpoint=None,
        participant_count=0,
        event_cursor=None,
        closed_at=requested if believable and reason is ClosedReason.DELETED else now,
        closed_reason=reason.value,
    )
    verdict = Verdict(
        ready=FALSE,
        reason=ReadyReason.CLOSED,
        message=_TEXTS[reason],
        scheduled=(FALSE, "Closed", ""),
        reachable=(FALSE, "Closed", ""),
    )
    return write(hall, status, verdict, observed, now)


def _remove(hall: Hall, own: list[Pod], observed: Observed) -> list[Action]:
    """The pods, and the finalizer: it is there for the goodbye, which has been said.

    Pods need no waiting for. Their owner reference removes them even without an operator.
    """
    actions: list[Action] = [
        DeletePod(name=pod.name, uid=pod.uid)
        for pod in own
        if not pod.terminating and pod.uid not in observed.expected_deletes
    ]
    if FINALIZER in hall.meta.finalizers:
        actions.append(RemoveFinalizer())
    return actions


def _retain(hall: Hall, observed: Observed, now: datetime) -> list[Action]:
    if hall.status.closed_at is None or hall.meta.deletion_timestamp is not None:
        return []
    left = (hall.status.closed_at + observed.limits.retention - now).total_seconds()
    return [DeleteHall()] if left <= 0 else [RequeueAfter(seconds=left)]
