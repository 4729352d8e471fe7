"""The plan for a Hall whose pod is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from relay_crds import Hall
from relay_crds.names import Annotation
from relay_operator.plan import (
    CreatePod,
    DeletePod,
    LossStreak,
    Observed,
    Pod,
    PodReport,
    PodState,
    RecordLoss,
    plan,
)
from relay_operator.plan.survey import restart_at
from unit.operator.cases import (
    NOW,
    ago,
    annotated,
    closed,
    events_of,
    fresh_pod,
    hall,
    hibernated,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    started,
    status_of,
    timer,
)

REPLACED = ["CreatePod", "RecordLoss", "PatchStatus", "EmitEvent"]
FAILED = {"phase": "Failed", "ready": False}


@dataclass(frozen=True, kw_only=True)
class Loss:
    observed: Observed
    reason: str
    message: str = ""
    does: list[str]
    hall: Hall | None = None


def _silent(seconds: float, **fields: object) -> PodReport:
    return report(pod(), failing_since=ago(seconds), **fields)


LOSSES = {
    "a pod killed for its memory is replaced and removed": Loss(
        observed=seen(pod(**FAILED, terminated_reason="OOMKilled", exit_code=137)),
        reason="OOMKilled",
        message="exit code 137",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that ended with an error is replaced and removed": Loss(
        observed=seen(pod(**FAILED, terminated_reason="Error", exit_code=1)),
        reason="Error",
        message="exit code 1",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that ended without an error is replaced as well": Loss(
        observed=seen(pod(phase="Succeeded", terminated_reason="Completed", exit_code=0)),
        reason="Completed",
        message="exit code 0",
        does=[*REPLACED, "DeletePod"],
    ),
    "a container that ended before the phase says so counts as ended": Loss(
        observed=seen(pod(terminated_reason="Error", exit_code=2)),
        reason="Error",
        message="exit code 2",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that the kubelet evicted keeps the kubelet's reason": Loss(
        observed=seen(pod(**FAILED, reason="Evicted", message="low on memory")),
        reason="Evicted",
        message="low on memory",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod evicted through the API is replaced while it still says goodbye": Loss(
        observed=seen(pod(disruption="EvictionByEvictionAPI", deletion_timestamp=NOW)),
        reason="Evicted",
        message="EvictionByEvictionAPI",
        does=REPLACED,
    ),
    "a pod whose node was given up is lost with the node": Loss(
        observed=seen(pod(disruption="DeletionByTaintManager", deletion_timestamp=NOW)),
        reason="NodeLost",
        message="DeletionByTaintManager",
        does=REPLACED,
    ),
    "a pod preempted by the scheduler says so": Loss(
        observed=seen(pod(disruption="PreemptionByScheduler", deletion_timestamp=NOW)),
        reason="Preempted",
        message="PreemptionByScheduler",
        does=REPLACED,
    ),
    "a pod that somebody deletes is replaced before it is gone": Loss(
        observed=seen(pod(deletion_timestamp=NOW)),
        reason="Deleted",
        message="somebody deleted the pod",
        does=REPLACED,
    ),
    "a pod that is not there at all is replaced": Loss(
        observed=seen(),
        reason="Deleted",
        message="the pod was gone when Relay looked for it",
        does=REPLACED,
    ),
    "a pod that has not answered for four seconds is lost with its node": Loss(
        observed=seen(pod(), reports=[_silent(4.1)]),
        reason="NodeLost",
        message="the control port has not answered for 4 s",
        does=[*REPLACED, "DeletePod"],
    ),
    "a restart of this process does not hide a silent pod": Loss(
        observed=seen(
            pod(), reports=[PodReport(pod_uid="pod-0", first_tried_at=ago(5), failing_since=ago(5))]
        ),
        reason="NodeLost",
        message="the control port has not answered for 5 s",
        does=[*REPLACED, "DeletePod"],
    ),
    "the kubelet's word ends a pod even while we may be cut off ourselves": Loss(
        observed=seen(pod(ready=False), reports=[_silent(5)], outage=True),
        reason="NodeLost",
        message="the control port has not answered for 5 s",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that says it serves another hall is replaced": Loss(
        observed=seen(pod(), reports=[report(pod(), conflict=True)]),
        reason="Error",
        message="the pod says that it serves another hall",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that closed while the hall is open is replaced": Loss(
        observed=seen(pod(), reports=[report(pod(), state=PodState.CLOSED)]),
        reason="Error",
        message="the pod had closed while the hall was open",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that failed before its first status is replaced": Loss(
        hall=hall(),
        observed=seen(pod(**FAILED, terminated_reason="StartError", exit_code=128)),
        reason="StartError",
        message="exit code 128",
        does=[*REPLACED, "DeletePod"],
    ),
    "a pod that failed while it started is replaced": Loss(
        hall=started(),
        observed=seen(pod(**FAILED, terminated_reason="Error", exit_code=1)),
        reason="Error",
        message="exit code 1",
        does=[*REPLACED, "DeletePod"],
    ),
    "a replacement made before a crash is taken over, with the true reason": Loss(
        observed=seen(pod(**FAILED, terminated_reason="OOMKilled", exit_code=137), fresh_pod(1)),
        reason="OOMKilled",
        message="exit code 137",
        does=["RecordLoss", "PatchStatus", "EmitEvent", "DeletePod"],
    ),
    "a silent pod with a replacement from before a crash is given up, not doubled": Loss(
        observed=seen(pod(), fresh_pod(1)),
        reason="NodeLost",
        message="a later pod had taken its place",
        does=["DeletePod", "RecordLoss", "PatchStatus", "EmitEvent"],
    ),
    "a pod that vanished beside its replacement is accounted": Loss(
        observed=seen(fresh_pod(1)),
        reason="Deleted",
        message="the pod was gone when Relay looked for it",
        does=["RecordLoss", "PatchStatus", "EmitEvent"],
    ),
}


@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES.keys())
def test_the_plan_is(case: Loss) -> None:
    before = case.hall or served()
    actions = plan(before, case.observed, NOW)
    assert kinds(actions) == case.does
    status = status_of(actions, before)
    assert ready_of(status) == ("False", "PodLost")
    assert events_of(actions) == ["Warning PodLost"]
    assert status.last_pod_failure is not None
    assert status.last_pod_failure.pod_name == "room"
    assert status.last_pod_failure.reason == case.reason
    assert status.last_pod_failure.message == case.message
    assert status.last_pod_failure.at == NOW
    assert (status.pod_name, status.pod_incarnation) == ("room-1", 1)
    assert status.pod_restarts == 1
    assert status.endpoint is None


@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES.keys())
def test_a_loss_is_accounted_once(case: Loss) -> None:
    before = case.hall or served()
    first = plan(before, case.observed, NOW)
    after = replace(before, status=status_of(first, before))
    gone = {a.uid for a in first if isinstance(a, DeletePod)}
    pods: list[Pod] = [p for p in case.observed.pods if p.uid not in gone]
    if not any(p.uid == "pod-1" for p in pods):
        pods.append(fresh_pod(1))
    second = plan(after, replace(case.observed, pods=tuple(pods)), NOW)
    assert kinds(second) == []


NO_LOSSES = {
    "a pod silent for a second is not told of": (
        served(),
        seen(pod(), reports=[_silent(1)]),
        [],
        "Assigned",
    ),
    "a pod silent for three seconds is told of, and not given up": (
        served(),
        seen(pod(), reports=[_silent(3)]),
        ["PatchStatus", "EmitEvent"],
        "MediaUnreachable",
    ),
    "silence everywhere at once ends nobody's call": (
        served(),
        seen(pod(), reports=[_silent(60)], outage=True),
        ["PatchStatus", "EmitEvent"],
        "MediaUnreachable",
    ),
    "an eviction that is announced and not begun ends nobody's call": (
        served(),
        seen(pod(disruption="EvictionByEvictionAPI"), reports=[report(pod())]),
        [],
        "Assigned",
    ),
    "a starting pod that does not answer is not lost": (
        started(),
        seen(pod(), reports=[PodReport(pod_uid="pod-0", failing_since=ago(9))]),
        ["AssignPod"],
        "PodStarting",
    ),
    "a pod given up for its hibernation is no loss": (
        hibernated(),
        seen(pod(deletion_timestamp=NOW)),
        [],
        "Hibernated",
    ),
    "a pod of a hibernated hall that ended by itself is removed without a word": (
        hibernated(),
        seen(pod(**FAILED, terminated_reason="Error", exit_code=1)),
        ["DeletePod"],
        "Hibernated",
    ),
    "a pod of a closed hall is no loss": (
        closed(),
        seen(pod(deletion_timestamp=NOW)),
        None,
        "Closed",
    ),
}


@pytest.mark.parametrize(
    ("before", "observed", "does", "reason"), NO_LOSSES.values(), ids=NO_LOSSES.keys()
)
def test_nothing_is_lost_when(
    before: Hall, observed: Observed, does: list[str] | None, reason: str
) -> None:
    actions = plan(before, observed, NOW)
    status = status_of(actions, before)
    assert ready_of(status)[1] == reason
    assert status.last_pod_failure is None
    assert "CreatePod" not in kinds(actions)
    if does is not None:
        assert kinds(actions) == does


def test_the_replacement_is_created_before_anything_is_written_or_deleted() -> None:
    observed = seen(pod(**FAILED, terminated_reason="Error", exit_code=1))
    assert kinds(plan(served(), observed, NOW)) == [*REPLACED, "DeletePod"]


def test_the_second_replacement_has_the_next_name() -> None:
    before = served(incarnation=1)
    actions = plan(before, seen(pod(1, deletion_timestamp=NOW)), NOW)
    created = next(a for a in actions if isinstance(a, CreatePod))
    assert (created.name, created.incarnation) == ("room-2", 2)


def test_a_name_that_a_pod_still_has_is_never_used_again() -> None:
    observed = seen(pod(deletion_timestamp=NOW), pod(5, deletion_timestamp=NOW))
    created = next(a for a in plan(served(), observed, NOW) if isinstance(a, CreatePod))
    assert created.incarnation == 6


def test_a_pod_whose_deletion_nobody_confirms_is_forced_after_a_minute() -> None:
    before = served(incarnation=1)
    stuck = pod(deletion_timestamp=ago(61))
    actions = plan(before, seen(stuck, pod(1), reports=[report(pod(1))]), NOW)
    assert [a for a in actions if isinstance(a, DeletePod)] == [
        DeletePod(name="room", uid="pod-0", force=True)
    ]
    young = pod(deletion_timestamp=ago(59))
    assert kinds(plan(before, seen(young, pod(1), reports=[report(pod(1))]), NOW)) == []


def test_a_pod_that_we_deleted_counts_as_gone_whatever_the_cache_says() -> None:
    before = served(incarnation=1)
    observed = seen(pod(), pod(1), reports=[report(pod(1))], expected_deletes=frozenset({"pod-0"}))
    assert kinds(plan(before, observed, NOW)) == []


def test_a_lost_pod_of_a_hall_that_was_refused_meanwhile_is_accounted_and_not_replaced() -> None:
    actions = plan(served(), seen(pod(deletion_timestamp=NOW), hall_class=None), NOW)
    status = status_of(actions, served())
    assert kinds(actions) == ["RecordLoss", "PatchStatus", "EmitEvent"]
    assert ready_of(status) == ("False", "ClassNotFound")
    assert (status.pod_name, status.pod_incarnation, status.pod_restarts) == (None, 0, 1)


def test_silence_is_looked_at_again_for_its_verdict() -> None:
    wait = timer(plan(served(), seen(pod(), reports=[_silent(3)]), NOW))
    assert wait is not None
    assert 1.0 <= wait <= 1.1


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(1, None), (2, None), (3, 1), (4, 2), (5, 4), (8, 32), (9, 60), (200, 60)],
)
def test_after_three_quick_losses_the_restarts_slow_down(count: int, seconds: int | None) -> None:
    found = restart_at(LossStreak(count=count, last_at=NOW))
    assert found == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_a_crash_loop_waits_with_the_condition_and_a_timer() -> None:
    observed = seen(
        pod(**FAILED, terminated_reason="Error", exit_code=1),
        streak=LossStreak(count=3, last_at=ago(0.5)),
    )
    actions = plan(served(), observed, NOW)
    assert kinds(actions) == ["RecordLoss", "PatchStatus", "EmitEvent", "DeletePod"]
    assert timer(actions) == 2
    status = status_of(actions, served())
    assert ready_of(status) == ("False", "PodLost")
    assert status.pod_name is None
    after = replace(served(), status=status)
    waiting = seen(streak=LossStreak(count=4, last_at=ago(0.5)))
    assert kinds(plan(after, waiting, NOW)) == []
    over = seen(streak=LossStreak(count=4, last_at=ago(3)))
    assert kinds(plan(after, over, NOW)) == ["CreatePod", "PatchStatus"]


@pytest.mark.parametrize(("age", "quick"), [(5, True), (59, True), (61, False)])
def test_a_pod_that_lived_for_a_minute_breaks_the_streak(age: float, quick: bool) -> None:
    lost = pod(**FAILED, terminated_reason="Error", exit_code=1, created_at=ago(age))
    actions = plan(served(), seen(lost), NOW)
    assert next(a for a in actions if isinstance(a, RecordLoss)).loss.quick is quick


def test_the_condition_says_lost_until_the_replacement_serves() -> None:
    lost = seen(pod(deletion_timestamp=NOW))
    after = replace(served(), status=status_of(plan(served(), lost, NOW), served()))
    running = pod(1)
    actions = plan(after, seen(running), NOW)
    assert kinds(actions) == ["AssignPod"]
    assert ready_of(status_of(actions, after)) == ("False", "PodLost")
    told = report(running, serving=after)
    done = plan(after, seen(running, reports=[told]), NOW)
    status = status_of(done, after)
    assert ready_of(status) == ("True", "Assigned")
    assert status.ready_at == served().status.ready_at
    assert status.pod_restarts == 1


def test_the_failure_of_an_earlier_pod_does_not_colour_a_wake_much_later() -> None:
    lost = seen(pod(deletion_timestamp=NOW))
    hall_after = replace(served(), status=status_of(plan(served(), lost, NOW), served()))
    told = report(pod(1), serving=hall_after, empty_since=ago(1000))
    ready = plan(hall_after, seen(pod(1), reports=[replace(told, empty_since=NOW)]), NOW)
    hall_after = replace(hall_after, status=status_of(ready, hall_after))
    asleep = plan(hall_after, seen(pod(1), reports=[told]), NOW)
    hall_after = replace(hall_after, status=status_of(asleep, hall_after))
    assert ready_of(hall_after.status) == ("True", "Hibernated")
    woken = annotated(hall_after, Annotation.WAKE_REQUESTED_AT, "2026-01-31T12:00:09.000Z")
    actions = plan(woken, seen(), NOW + timedelta(seconds=10))
    assert ready_of(status_of(actions, woken)) == ("False", "PodStarting")
