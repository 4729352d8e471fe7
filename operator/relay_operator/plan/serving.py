"""Plans for an open Hall that has a live pod: from its creation to its idle end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from relay_crds import EventCursor, Hall, HallStatus
from relay_crds.names import IdlePolicy, ReadyReason
from relay_crds.tenancy import ALL_CODECS
from relay_operator.plan.actions import Action, AssignPod, DeletePod, RequeueAfter
from relay_operator.plan.conditions import FALSE, TRUE, UNKNOWN
from relay_operator.plan.observed import Assignment, Observed, PodReport, PodState
from relay_operator.plan.pods import Pod
from relay_operator.plan.survey import Case, after_loss, served
from relay_operator.plan.writing import Verdict, failure_text, loss_text, write

_EAGER: Final = timedelta(seconds=10)
_EAGER_SECONDS: Final = 0.1
_PATIENT_SECONDS: Final = 1.0
_REFUSED_SECONDS: Final = 10.0
_TELLING: Final = timedelta(seconds=3)


def serve(case: Case, status: HallStatus) -> list[Action]:
    """What the pod is to be told, and what the status is to tell of it."""
    hall, found, observed, now = case.hall, case.found, case.observed, case.now
    pod = found.current
    if pod is None:
        raise AssertionError("serve() is for a Hall with a live pod")
    report = observed.report(pod)
    status = replace(
        status,
        pod_name=pod.name,
        pod_incarnation=found.current_incarnation,
        max_participants=effective_maximum(hall, observed),
    )
    wanted = assignment_for(hall, observed)
    actions: list[Action] = []
    if pod.ip and report.assignment != wanted:
        actions.append(AssignPod(name=pod.name, uid=pod.uid, ip=pod.ip, assignment=wanted))
    if report.refuses_key and report.failing_since is None and _in_use(hall, pod, report):
        return [*actions, *_kept(case, status, pod)]
    if report.state is PodState.ASSIGNED:
        return [*actions, *_assigned(case, status, pod, report), *_retry(actions)]
    if served(hall, pod) and report.failing_since is None:
        # This process has just started and has not asked the pod yet: what the status says stands,
        # its address above all, whether the process before us reached the pod or not.
        return [*actions, *_eager(report, now)]
    if served(hall, pod) and report.failing_since is not None:
        return [*actions, *_silent(case, status, pod, report)]
    verdict = _starting(case, status, pod, report)
    if verdict.scheduled == (TRUE, "Scheduled", ""):
        status = replace(status, node_name=pod.node_name)
    status = replace(status, endpoint=None, participant_count=0, event_cursor=None)
    return [
        *actions,
        *write(hall, status, verdict, observed, now),
        *(_eager(report, now) if actions else ()),
    ]


def assignment_for(hall: Hall, observed: Observed) -> Assignment:
    """What the Hall's pod is to be told now."""
    hall_class = observed.hall_class
    return Assignment(
        hall_uid=hall.meta.uid,
        hall_id=hall.hall_id,
        namespace=hall.meta.namespace,
        name=hall.meta.name,
        display_name=hall.spec.display_name or hall.meta.name,
        max_participants=effective_maximum(hall, observed),
        codecs=ALL_CODECS if hall_class is None else hall_class.codecs,
    )


def effective_maximum(hall: Hall, observed: Observed) -> int:
    """The smaller of what the spec asks and the plan allows.

    A plan that has gone away does not lift the cap of a hall that is running under it.
    """
    if observed.plan is not None:
        return min(hall.spec.max_participants, observed.plan.max_participants)
    return min(hall.spec.max_participants, hall.status.max_participants or 1)


def idle_deadline(hall: Hall, report: PodReport) -> datetime | None:
    """When the hall will have been empty for its idle timeout; ``None`` while somebody is in.

    Nor is there a time while the pod refuses our key: somebody may have come in since it told.
    """
    if report.state is PodState.UNKNOWN or report.refuses_key:
        return None
    if report.participants or report.empty_since is None:
        return None
    return report.empty_since + timedelta(seconds=hall.spec.idle_timeout_seconds)


def _assigned(case: Case, status: HallStatus, pod: Pod, report: PodReport) -> list[Action]:
    hall, observed, now = case.hall, case.observed, case.now
    silent = report.failing_for(now)
    if silent > observed.limits.unreachable_notice:
        return _silent(case, status, pod, report)
    if hall.spec.idle_policy is IdlePolicy.HIBERNATE and not silent:
        deadline = idle_deadline(hall, report)
        if deadline is not None and deadline <= now:
            return _hibernate(case, status, pod)
    status = replace(
        status,
        node_name=pod.node_name,
        endpoint=pod.ip,
        participant_count=report.participants,
        event_cursor=EventCursor(pod_uid=pod.uid, sequence=report.sequence),
        ready_at=status.ready_at or now,
    )
    verdict = Verdict(
        ready=TRUE,
        reason=ReadyReason.ASSIGNED,
        message=f"media pod {pod.name} serves the hall",
        scheduled=(TRUE, "Scheduled", ""),
        reachable=(TRUE, "Answering", ""),
    )
    return [*write(hall, status, verdict, observed, now), *_timers(case, report)]


def _in_use(hall: Hall, pod: Pod, report: PodReport) -> bool:
    return report.state is PodState.ASSIGNED or served(hall, pod)


def _kept(case: Case, status: HallStatus, pod: Pod) -> list[Action]:
    """The pod lives and takes no word from us: its call goes on, with the counts last known."""
    hall, observed, now = case.hall, case.observed, case.now
    status = replace(
        status, node_name=pod.node_name, endpoint=pod.ip, ready_at=status.ready_at or now
    )
    verdict = Verdict(
        ready=TRUE,
        reason=ReadyReason.ASSIGNED,
        message=f"media pod {pod.name} serves the hall",
        scheduled=(TRUE, "Scheduled", ""),
        reachable=(
            TRUE,
            "KeyRefused",
            f"media pod {pod.name} does not know our control key; "
            "it serves, uncounted, until its hall is closed",
        ),
    )
    again = RequeueAfter(seconds=_REFUSED_SECONDS)
    return [*write(hall, status, verdict, observed, now), again]


def _timers(case: Case, report: PodReport) -> list[Action]:
    hall, observed, now = case.hall, case.observed, case.now
    moments = []
    if hall.spec.idle_policy is not IdlePolicy.KEEP and (idle := idle_deadline(hall, report)):
        moments.append(idle)
    if report.failing_since is not None:
        moments.append(report.failing_since + observed.limits.unreachable_notice)
    return [RequeueAfter(seconds=max(0.05, (at - now).total_seconds())) for at in moments]


def _silent(case: Case, status: HallStatus, pod: Pod, report: PodReport) -> list[Action]:
    """The pod was serving and does not answer: say so soon, and look again for the verdict."""
    hall, observed, now = case.hall, case.observed, case.now
    silent = report.failing_for(now)
    limits = observed.limits
    if silent <= limits.unreachable_notice:
        return [RequeueAfter(seconds=(limits.unreachable_notice - silent).total_seconds() + 0.05)]
    verdict = Verdict(
        ready=FALSE,
        reason=ReadyReason.MEDIA_UNREACHABLE,
        message=f"media pod {pod.name} does not answer on its control port",
        scheduled=(TRUE, "Scheduled", ""),
        reachable=(FALSE, "Unreachable", ""),
    )
    wait = (limits.unreachable_verdict - silent).total_seconds()
    return [
        *write(hall, status, verdict, observed, now),
        RequeueAfter(seconds=wait + 0.05 if wait > 0 else 2.0),
    ]


def _hibernate(case: Case, status: HallStatus, pod: Pod) -> list[Action]:
    hall, observed, now = case.hall, case.observed, case.now
    status = replace(
        status, pod_name=None, node_name=None, endpoint=None, participant_count=0, event_cursor=None
    )
    verdict = Verdict(
        ready=TRUE,
        reason=ReadyReason.HIBERNATED,
        message="nobody is in; the next join wakes the hall",
        scheduled=(FALSE, "Hibernated", ""),
        reachable=(FALSE, "Hibernated", ""),
    )
    # The status first: a pod that is gone while the status still names it would look lost.
    return [
        *write(hall, status, verdict, observed, now),
        DeletePod(name=pod.name, uid=pod.uid),
    ]


def _starting(case: Case, status: HallStatus, pod: Pod, report: PodReport) -> Verdict:
    hall, found, observed, now = case.hall, case.found, case.observed, case.now
    reason, message = ReadyReason.POD_STARTING, f"media pod {pod.name} was created"
    reachable = (UNKNOWN, "PodStarting", "")
    # A start that goes well takes a second or two: each step is not worth a write of its own.
    slow = pod.scheduled and now - pod.created_at > _TELLING
    scheduled = (TRUE, "Scheduled", "") if slow else (UNKNOWN, "Pending", "")
    tried = report.first_tried_at
    if pod.unschedulable:
        reason, message = ReadyReason.POD_UNSCHEDULABLE, pod.schedule_message
        scheduled = (FALSE, "Unschedulable", pod.schedule_message)
    elif pod.image_failure:
        reason, message = ReadyReason.IMAGE_PULL_FAILED, pod.image_failure
        scheduled = (TRUE, "Scheduled", "")
    elif report.refuses_key:
        reason = ReadyReason.MEDIA_UNREACHABLE
        message = f"media pod {pod.name} does not know our control key: delete it for another one"
        reachable = (FALSE, "KeyRefused", "")
    elif tried is not None and now - tried > observed.limits.start_patience:
        reason = ReadyReason.MEDIA_UNREACHABLE
        message = f"media pod {pod.name} runs, but does not answer on its control port"
        reachable = (FALSE, "Unreachable", "")
    elif found.loss is not None:
        reason = ReadyReason.POD_LOST
        message = f"{loss_text(found.loss)}; {pod.name} takes its place"
    elif after_loss(hall, status, found.current_incarnation) and status.last_pod_failure:
        reason = ReadyReason.POD_LOST
        message = f"{failure_text(status.last_pod_failure)}; {pod.name} takes its place"
    return Verdict(
        ready=FALSE, reason=reason, message=message, scheduled=scheduled, reachable=reachable
    )


def _eager(report: PodReport, now: datetime) -> list[Action]:
    if report.refuses_key:
        return [RequeueAfter(seconds=_REFUSED_SECONDS)]
    tried = report.first_tried_at
    eager = tried is None or now - tried < _EAGER
    return [RequeueAfter(seconds=_EAGER_SECONDS if eager else _PATIENT_SECONDS)]


def _retry(actions: list[Action]) -> list[Action]:
    return [RequeueAfter(seconds=_PATIENT_SECONDS)] if actions else []
