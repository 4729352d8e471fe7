"""Plans for a Hall that is open: get it a pod, keep it served, give the pod back when idle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from relay_crds import Hall, HallStatus, PodFailure
from relay_crds.names import IdlePolicy, ReadyReason
from relay_operator.plan.actions import (
    Action,
    CreatePod,
    DeletePod,
    RecordLoss,
    RequeueAfter,
)
from relay_operator.plan.conditions import FALSE, TRUE, UNKNOWN, hibernated_at, is_hibernated
from relay_operator.plan.pods import Pod, pod_name
from relay_operator.plan.refusal import refusal
from relay_operator.plan.serving import effective_maximum, serve
from relay_operator.plan.survey import Case, Survey, after_loss, restart_at, streak_with
from relay_operator.plan.writing import NO_POD, NOT_TRIED, Verdict, failure_text, loss_text, write

_WAKE_SKEW: Final = timedelta(seconds=5)
"""How far the gateway's clock may be behind ours: less than the shortest idle timeout."""
_NODE_SUSPECT: Final = timedelta(minutes=5)
"""Kubernetes takes about 50 s to call a silent node NotReady, by its defaults."""


def plan_open(case: Case, finalizer: list[Action]) -> list[Action]:
    """Everything for an open Hall. ``finalizer``: what is to be done before a pod is made."""
    hall, found = case.hall, case.found
    status = _with_loss(hall, found)
    before: list[Action] = [RecordLoss(loss=found.loss)] if found.loss else []
    # A pod that was given up and may still run goes before another one is assigned: never two. One
    # that has ended harms nobody, and is kept until the status tells why it did.
    given_up = [_delete(pod) for pod in found.dispensable if not pod.finished]
    after = [_delete(pod) for pod in found.dispensable if pod.finished]
    after += [DeletePod(name=pod.name, uid=pod.uid, force=True) for pod in found.stuck]
    if is_hibernated(hall.status) and found.loss is None and not _awake(hall):
        if found.current is not None:  # the process ended between the status and the deletion
            after.append(_delete(found.current))
        return [*_sleep(case, status), *given_up, *after]
    if found.current is not None:
        return [*finalizer, *given_up, *before, *serve(case, status), *after]
    return [*_start(case, status, finalizer, before), *given_up, *after]


def _start(
    case: Case, status: HallStatus, finalizer: list[Action], before: list[Action]
) -> list[Action]:
    hall, found, observed, now = case.hall, case.found, case.observed, case.now
    status = replace(
        status, pod_name=None, node_name=None, endpoint=None, participant_count=0, event_cursor=None
    )
    refused = refusal(hall, observed, now)
    if refused is not None:
        retry: list[Action] = []
        if refused.retry_after is not None:
            retry.append(RequeueAfter(seconds=refused.retry_after))
        return [*before, *write(hall, status, refused.verdict, observed, now), *retry]
    if observed.hall_class is None:
        raise AssertionError("refusal() lets no Hall without a class through")
    status = replace(status, max_participants=effective_maximum(hall, observed))
    name = pod_name(hall.meta.name, found.next_incarnation)
    if observed.expected_creates:
        return []
    lost = found.loss
    earliest = restart_at(streak_with(observed.streak, lost) if lost else observed.streak)
    if earliest is not None and earliest > now:
        verdict = Verdict(
            ready=FALSE,
            reason=ReadyReason.POD_LOST,
            message=f"{_lost_text(found, status)}; too many in a row, so the next one is awaited",
            scheduled=NO_POD,
            reachable=NOT_TRIED,
        )
        wait = RequeueAfter(seconds=(earliest - now).total_seconds())
        return [*before, *write(hall, status, verdict, observed, now), wait]
    status = replace(status, pod_name=name, pod_incarnation=found.next_incarnation)
    replaced = found.loss is not None or after_loss(hall, status, found.next_incarnation)
    verdict = Verdict(
        ready=FALSE,
        reason=ReadyReason.POD_LOST if replaced else ReadyReason.POD_STARTING,
        message=(
            f"{_lost_text(found, status)}; {name} takes its place"
            if replaced
            else f"media pod {name} was created"
        ),
        scheduled=(UNKNOWN, "Pending", ""),
        reachable=(UNKNOWN, "PodStarting", ""),
    )
    create = CreatePod(
        name=name,
        incarnation=found.next_incarnation,
        hall_class=observed.hall_class,
        avoid_node=_suspect_node(status, now),
    )
    # The pod before the status: should this process end in between, the next one finds the pod by
    # its label and the loss by the old name in the status. Nobody waits for a write.
    return [*finalizer, create, *before, *write(hall, status, verdict, observed, now)]


def _sleep(case: Case, status: HallStatus) -> list[Action]:
    hall, observed, now = case.hall, case.observed, case.now
    verdict = Verdict(
        ready=TRUE,
        reason=ReadyReason.HIBERNATED,
        message="nobody is in; the next join wakes the hall",
        scheduled=(FALSE, "Hibernated", ""),
        reachable=(FALSE, "Hibernated", ""),
    )
    limit = observed.plan and effective_maximum(hall, observed)
    status = replace(status, max_participants=limit or status.max_participants)
    return write(hall, status, verdict, observed, now)


def _delete(pod: Pod) -> Action:
    return DeletePod(name=pod.name, uid=pod.uid)


def _awake(hall: Hall) -> bool:
    """Whether a hibernated Hall is to have a pod again."""
    if hall.spec.idle_policy is IdlePolicy.KEEP:
        return True
    wake, since = hall.wake_requested_at, hibernated_at(hall.status)
    return wake is not None and (since is None or wake > since - _WAKE_SKEW)


def _with_loss(hall: Hall, found: Survey) -> HallStatus:
    loss = found.loss
    if loss is None:
        return hall.status
    return replace(
        hall.status,
        last_pod_failure=PodFailure(
            pod_name=loss.pod_name,
            node_name=loss.node_name,
            reason=loss.reason,
            message=loss.message,
            at=loss.at,
        ),
        pod_restarts=(hall.status.pod_restarts or 0) + 1,
    )


def _suspect_node(status: HallStatus, now: datetime) -> str | None:
    """The node that the last pod was lost with, for as long as Kubernetes may call it Ready."""
    failure = status.last_pod_failure
    if failure is None or failure.reason != "NodeLost" or failure.at is None:
        return None
    return failure.node_name if now - failure.at < _NODE_SUSPECT else None


def _lost_text(found: Survey, status: HallStatus) -> str:
    if found.loss is not None:
        return loss_text(found.loss)
    failure = status.last_pod_failure
    return "the media pod was lost" if failure is None else failure_text(failure)
