"""Which of a Hall's pods serves it, which are past, and what was lost without being accounted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay_crds import Hall, HallStatus
from relay_operator.plan.conditions import is_hibernated
from relay_operator.plan.observed import Loss, LossStreak, Observed, PodState
from relay_operator.plan.pods import Ending, Pod, incarnation_of, pod_name

QUICK: Final = timedelta(seconds=60)
"""A pod that ends within this of its creation counts towards the restart backoff."""
_FREE_RESTARTS: Final = 3
_BACKOFF_MAX: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The pods of one Hall, sorted.

    ``current``: the live pod of the highest incarnation. A lower live one was given up when a
    higher one was created, whatever this process remembers: so there are never two for long.
    ``dispensable``: pods to delete now. ``stuck``: pods whose deletion nobody confirms. ``loss``:
    the latest lost pod that the status does not tell of yet. ``next_incarnation``: never used.
    """

    current: Pod | None
    current_incarnation: int
    dispensable: tuple[Pod, ...]
    stuck: tuple[Pod, ...]
    loss: Loss | None
    next_incarnation: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """One open Hall at one moment, with its pods sorted."""

    hall: Hall
    observed: Observed
    found: Survey
    now: datetime


def survey(hall: Hall, observed: Observed, now: datetime) -> Survey:
    """Sort the Hall's own pods; those that another object owns are not looked at."""
    own = {
        number: pod
        for pod in observed.pods
        if pod.owner_uid == hall.meta.uid
        and (number := incarnation_of(hall.meta.name, pod.name)) is not None
    }
    endings = {number: ending_of(hall, pod, observed, now) for number, pod in own.items()}
    alive = [number for number, ending in endings.items() if ending is None]
    current = max(alive, default=-1)
    used = max([*own, -1 if hall.status.pod_incarnation is None else hall.status.pod_incarnation])
    return Survey(
        current=own.get(current),
        current_incarnation=current,
        dispensable=tuple(
            pod
            for number, pod in sorted(own.items())
            if number != current
            and not pod.terminating
            and pod.uid not in observed.expected_deletes
        ),
        stuck=tuple(
            pod
            for _, pod in sorted(own.items())
            if pod.deletion_timestamp is not None
            and now - pod.deletion_timestamp > observed.limits.stuck_after
        ),
        loss=_loss(hall, observed, now, own),
        next_incarnation=_free(hall, used + 1, observed),
    )


def _free(hall: Hall, incarnation: int, observed: Observed) -> int:
    """The first incarnation from this one on whose name no pod of another has."""
    while pod_name(hall.meta.name, incarnation) in observed.taken_names:
        incarnation += 1
    return incarnation


def ending_of(hall: Hall, pod: Pod, observed: Observed, now: datetime) -> Ending | None:
    """Why the pod cannot serve the Hall any more; ``None`` while it can or may come to."""
    if ending := pod.ending():
        return ending
    report = observed.report(pod)
    message = ""
    if pod.uid in observed.expected_deletes:
        return Ending(reason="Deleted", message="the pod was given up")
    if report.conflict:
        message = "the pod says that it serves another hall"
    elif report.state is PodState.CLOSED and not hall.closing:
        message = "the pod had closed while the hall was open"
    if message:
        return Ending(reason="Error", message=message)
    return _silence(hall, pod, observed, now)


def _silence(hall: Hall, pod: Pod, observed: Observed, now: datetime) -> Ending | None:
    report = observed.report(pod)
    silent = report.failing_for(now)
    answered = report.state is PodState.ASSIGNED or report.refuses_key
    # The kubelet's own word counts even while we suspect our side of the network.
    suspended = observed.outage and pod.ready
    # One that never answered this process may be out of its reach only for now: after a restart of
    # ours, whatever lets us through to the pods may need a moment.
    patience = (
        observed.limits.unreachable_verdict
        if answered or not pod.ready
        else observed.limits.start_patience
    )
    if not (answered or served(hall, pod)) or suspended or silent <= patience:
        return None
    return Ending(
        reason="NodeLost",
        message=f"the control port has not answered for {silent.total_seconds():.0f} s",
    )


def served(hall: Hall, pod: Pod) -> bool:
    """Whether the status says that participants were sent to this pod."""
    return hall.status.pod_name == pod.name and hall.status.endpoint is not None


def after_loss(hall: Hall, status: HallStatus, incarnation: int) -> bool:
    """Whether the pod of this incarnation stands in for the one lost last."""
    failure = status.last_pod_failure
    if failure is None:
        return False
    lost = incarnation_of(hall.meta.name, failure.pod_name)
    return lost is not None and lost + 1 == incarnation


def streak_with(streak: LossStreak | None, loss: Loss) -> LossStreak | None:
    """The streak after this loss; a pod that lived for long ends it."""
    if not loss.quick:
        return None
    return LossStreak(count=streak.count + 1 if streak else 1, last_at=loss.at)


def restart_at(streak: LossStreak | None) -> datetime | None:
    """Before when no further pod is made: two go free, then 1 s, 2 s, 4 s ... up to 60 s."""
    if streak is None or streak.count < _FREE_RESTARTS:
        return None
    doublings = min(streak.count - _FREE_RESTARTS, 10)
    return streak.last_at + min(timedelta(seconds=2**doublings), _BACKOFF_MAX)


def _loss(hall: Hall, observed: Observed, now: datetime, own: dict[int, Pod]) -> Loss | None:
    status = hall.status
    if is_hibernated(status):
        return None
    accounted = status.last_pod_failure.pod_name if status.last_pod_failure else None
    known = -1 if status.pod_incarnation is None else status.pod_incarnation
    superseded = False
    for number in sorted(own, reverse=True):
        pod = own[number]
        ending = ending_of(hall, pod, observed, now)
        if ending is None and not superseded:
            superseded = True  # this is the one that serves
            continue
        if number < known or pod.name == accounted:
            continue
        # A pod that is going away is a loss only if the hall still counted on it: hibernation and
        # closing forget the name first and delete then.
        if status.pod_name != pod.name and (pod.terminating or not pod.finished):
            continue
        if ending is None:
            ending = Ending(reason="NodeLost", message="a later pod had taken its place")
        return Loss(
            pod_name=pod.name,
            incarnation=number,
            reason=ending.reason,
            message=ending.message,
            node_name=pod.node_name,
            at=now,
            quick=now - pod.created_at < QUICK,
        )
    return _vanished(hall, observed, now, own, accounted)


def _vanished(
    hall: Hall, observed: Observed, now: datetime, own: dict[int, Pod], accounted: str | None
) -> Loss | None:
    name = hall.status.pod_name
    if name is None or name == accounted or name in observed.expected_creates:
        return None
    number = incarnation_of(hall.meta.name, name)
    if number is None or number in own:
        return None
    since = hall.status.ready_at
    return Loss(
        pod_name=name,
        incarnation=number,
        reason="Deleted",
        message="the pod was gone when Relay looked for it",
        node_name=hall.status.node_name,
        at=now,
        quick=since is None or now - since < QUICK,
    )
