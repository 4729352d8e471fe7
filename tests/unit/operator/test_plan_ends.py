"""The plan for a Hall that closes, sleeps, wakes, or is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from relay_crds import Hall, format_time
from relay_crds.names import Annotation
from relay_operator.plan import ClosePod, DeletePod, Observed, PodState, plan
from relay_operator.plan.serving import assignment_for
from unit.operator.cases import (
    LIMITS,
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

CLOSE = {"desiredState": "Closed"}
RETENTION = LIMITS.retention.total_seconds()


def closing(before: Hall) -> Hall:
    return replace(before, spec=hall(spec=CLOSE).spec)


def deleted(before: Hall, *, at: float = 0) -> Hall:
    return replace(before, meta=replace(before.meta, deletion_timestamp=ago(at)))


@dataclass(frozen=True, kw_only=True)
class Case:
    hall: Hall
    observed: Observed
    does: list[str]
    ready: tuple[str, str] | None = None
    closed_reason: str | None = None


CLOSED = report(pod(), state=PodState.CLOSED)
ENDS = {
    "a hall to be closed has its pod say goodbye first": Case(
        hall=closing(served()), observed=seen(pod(), reports=[report(pod())]), does=["ClosePod"]
    ),
    "after the goodbye the hall is closed, then the pod and the finalizer go": Case(
        hall=closing(served()),
        observed=seen(pod(), reports=[CLOSED]),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        ready=("False", "Closed"),
        closed_reason="Deleted",
    ),
    "a deleted hall goes the same way": Case(
        hall=deleted(served()), observed=seen(pod(), reports=[report(pod())]), does=["ClosePod"]
    ),
    "a deleted hall is let go when everybody was told": Case(
        hall=deleted(served()),
        observed=seen(pod(), reports=[CLOSED]),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        closed_reason="Deleted",
    ),
    "a deleted hall without our finalizer is none of our business": Case(
        hall=deleted(hall(finalized=False)), observed=seen(pod()), does=[]
    ),
    "a hall closed before it had a pod is closed at once": Case(
        hall=hall(spec=CLOSE, finalized=False),
        observed=seen(),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "Closed"),
    ),
    "a hall closed while its pod starts is closed at once": Case(
        hall=closing(started()),
        observed=seen(fresh_pod()),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        ready=("False", "Closed"),
    ),
    "a hall closed while its pod is lost is closed at once": Case(
        hall=closing(served()),
        observed=seen(pod(phase="Failed", exit_code=1)),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        ready=("False", "Closed"),
    ),
    "a refused hall can be closed": Case(
        hall=hall(spec=CLOSE | {"record": True}, finalized=False),
        observed=seen(hall_class=None, plan=None),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "Closed"),
    ),
    "a hibernated hall is closed without a pod": Case(
        hall=closing(hibernated()),
        observed=seen(),
        does=["PatchStatus", "EmitEvent", "RemoveFinalizer"],
        ready=("False", "Closed"),
    ),
    "after a restart of this process a pod that served is told all the same": Case(
        hall=closing(served()), observed=seen(pod()), does=["ClosePod"]
    ),
    "a goodbye that failed once is told of and tried again": Case(
        hall=closing(served()),
        observed=seen(pod(), reports=[report(pod(), closing_since=ago(1), failing_since=ago(1))]),
        does=["ClosePod", "PatchStatus", "EmitEvent"],
        ready=("False", "Closing"),
    ),
    "a goodbye is not waited for longer than fifteen seconds": Case(
        hall=deleted(served()),
        observed=seen(pod(), reports=[report(pod(), closing_since=ago(15))]),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        closed_reason="Deleted",
    ),
    "nobody says goodbye on a node that is lost": Case(
        hall=deleted(served()),
        observed=seen(pod(), reports=[report(pod(), failing_since=ago(5))]),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        closed_reason="Deleted",
    ),
    "two pods left by a crash both say goodbye": Case(
        hall=closing(served(incarnation=1)),
        observed=seen(pod(), pod(1), reports=[report(pod()), report(pod(1))]),
        does=["ClosePod", "ClosePod"],
    ),
    "a closed hall keeps its status and needs nothing": Case(
        hall=replace(closed(), meta=replace(closed().meta, finalizers=())),
        observed=seen(),
        does=[],
    ),
    "a pod that a crash left to a closed hall is removed": Case(
        hall=closed(), observed=seen(pod()), does=["DeletePod", "RemoveFinalizer"]
    ),
    "a closed hall that is deleted is let go": Case(
        hall=deleted(closed()), observed=seen(), does=["RemoveFinalizer"]
    ),
    "a closed hall is deleted when its retention is over": Case(
        hall=replace(
            closed(at=NOW - LIMITS.retention),
            meta=replace(closed().meta, finalizers=()),
        ),
        observed=seen(),
        does=["DeleteHall"],
    ),
    "a hall at its maximum duration says goodbye, whoever is in": Case(
        hall=served(participants=3, spec={"maxDurationSeconds": 60}, created=ago(60)),
        observed=seen(pod(), reports=[report(pod(), participants=3, empty_since=None)]),
        does=["ClosePod"],
    ),
    "a hall past its maximum duration is closed for it": Case(
        hall=served(spec={"maxDurationSeconds": 60}, created=ago(60)),
        observed=seen(pod(), reports=[CLOSED]),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        ready=("False", "Closed"),
        closed_reason="MaxDuration",
    ),
    "a hibernated hall past its maximum duration is closed for it": Case(
        hall=hibernated(spec={"maxDurationSeconds": 600}, at=ago(100)),
        observed=seen(),
        does=["PatchStatus", "EmitEvent", "RemoveFinalizer"],
        closed_reason="MaxDuration",
    ),
    "a hall that closes when idle says goodbye to nobody first": Case(
        hall=served(spec={"idlePolicy": "Close", "idleTimeoutSeconds": 10}),
        observed=seen(pod(), reports=[report(pod(), empty_since=ago(10))]),
        does=["ClosePod"],
    ),
    "a hall that closes when idle is closed for it": Case(
        hall=served(spec={"idlePolicy": "Close", "idleTimeoutSeconds": 10}),
        observed=seen(
            pod(),
            reports=[report(pod(), state=PodState.CLOSED, empty_since=ago(10))],
        ),
        does=["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"],
        closed_reason="Idle",
    ),
    "a hibernated hall whose policy becomes Close is closed": Case(
        hall=replace(hibernated(), spec=hall(spec={"idlePolicy": "Close"}).spec),
        observed=seen(),
        does=["PatchStatus", "EmitEvent", "RemoveFinalizer"],
        closed_reason="Idle",
    ),
    "an idle hall gives its pod back, the status first": Case(
        hall=served(at=ago(400), created=ago(500)),
        observed=seen(pod(), reports=[report(pod(), empty_since=ago(300))]),
        does=["PatchStatus", "EmitEvent", "DeletePod"],
        ready=("True", "Hibernated"),
    ),
    "a hall with somebody in is never idle": Case(
        hall=served(at=ago(400), participants=1, created=ago(500)),
        observed=seen(pod(), reports=[report(pod(), participants=1, empty_since=None)]),
        does=[],
    ),
    "a hall that is to be kept is never idle": Case(
        hall=served(spec={"idlePolicy": "Keep"}, at=ago(400), created=ago(500)),
        observed=seen(pod(), reports=[report(pod(), empty_since=ago(399))]),
        does=[],
    ),
    "an idle hall whose pod does not answer may have somebody in": Case(
        hall=served(at=ago(400), created=ago(500)),
        observed=seen(pod(), reports=[report(pod(), empty_since=ago(399), failing_since=ago(1))]),
        does=[],
    ),
    "a hibernated hall needs nothing": Case(hall=hibernated(), observed=seen(), does=[]),
    "a pod that a crash left to a hibernated hall is removed": Case(
        hall=hibernated(), observed=seen(pod()), does=["DeletePod"]
    ),
    "a join wakes a hibernated hall with a new pod": Case(
        hall=annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, format_time(ago(1))),
        observed=seen(),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
        ready=("False", "PodStarting"),
    ),
    "a join from before the hibernation wakes nobody": Case(
        hall=annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, format_time(ago(400))),
        observed=seen(),
        does=[],
    ),
    "a gateway whose clock is four seconds behind can still wake": Case(
        hall=annotated(hibernated(at=ago(1)), Annotation.WAKE_REQUESTED_AT, format_time(ago(4))),
        observed=seen(),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a wake that is no time wakes nobody": Case(
        hall=annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, "now!"),
        observed=seen(),
        does=[],
    ),
    "a woken hall whose old pod was not removed yet takes that one again": Case(
        hall=annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, format_time(NOW)),
        observed=seen(pod(), reports=[report(pod())]),
        does=["PatchStatus", "EmitEvent"],
        ready=("True", "Assigned"),
    ),
    "a hibernated hall whose policy becomes Keep gets a pod": Case(
        hall=replace(hibernated(), spec=hall(spec={"idlePolicy": "Keep"}).spec),
        observed=seen(),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a hibernated hall that cannot be woken says why": Case(
        hall=annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, format_time(NOW)),
        observed=seen(hall_class=None),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "ClassNotFound"),
    ),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS.keys())
def test_the_plan_is(case: Case) -> None:
    told = assignment_for(case.hall, case.observed)
    reports = {uid: replace(r, assignment=told) for uid, r in case.observed.reports.items()}
    actions = plan(case.hall, replace(case.observed, reports=reports), NOW)
    assert kinds(actions) == case.does
    status = status_of(actions, case.hall)
    if case.ready is not None:
        assert ready_of(status) == case.ready
    if case.closed_reason is not None:
        assert status.closed_reason == case.closed_reason
        assert status.closed_at is not None
        assert (status.pod_name, status.endpoint, status.participant_count) == (None, None, 0)


def test_the_pod_is_told_why() -> None:
    idle = served(spec={"idlePolicy": "Close", "idleTimeoutSeconds": 10})
    told = seen(pod(), reports=[report(pod(), empty_since=ago(10))])
    assert ClosePod(name="room", uid="pod-0", ip="10.0.0.1", reason="Idle") in plan(idle, told, NOW)


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (format_time(ago(0.5)), ago(0.5)),
        (format_time(ago(7200)), NOW),
        (format_time(NOW + timedelta(hours=1)), NOW),
        ("yesterday", NOW),
        (None, NOW),
    ],
    ids=[
        "as REST wrote it",
        "not before the hall was there",
        "not in the future",
        "not from what is no time",
        "when this process saw it",
    ],
)
def test_a_hall_is_closed_since(requested: str | None, expected: object) -> None:
    before = closing(served())
    if requested is not None:
        before = annotated(before, Annotation.CLOSE_REQUESTED_AT, requested)
    status = status_of(plan(before, seen(pod(), reports=[CLOSED]), NOW), before)
    assert status.closed_at == expected


def test_closing_is_told_once() -> None:
    before = closing(served())
    failed = report(pod(), closing_since=ago(1), failing_since=ago(1))
    observed = seen(pod(), reports=[failed])
    first = plan(before, observed, NOW)
    assert events_of(first) == ["Normal Closing"]
    after = replace(before, status=status_of(first, before))
    assert kinds(plan(after, observed, NOW)) == ["ClosePod"]
    done = plan(after, seen(pod(), reports=[CLOSED]), NOW)
    assert events_of(done) == ["Normal Closed"]


def test_a_failed_goodbye_is_tried_again_soon() -> None:
    failed = report(pod(), closing_since=ago(1), failing_since=ago(1))
    wait = timer(plan(closing(served()), seen(pod(), reports=[failed]), NOW))
    assert wait == 0.2


def test_a_closed_hall_waits_for_the_end_of_its_retention() -> None:
    before = replace(closed(at=ago(60)), meta=replace(closed().meta, finalizers=()))
    assert timer(plan(before, seen(), NOW)) == RETENTION - 60


def test_an_empty_hall_is_looked_at_when_its_idle_time_is_over() -> None:
    told = seen(pod(), reports=[report(pod(), empty_since=ago(10))])
    assert timer(plan(served(), told, NOW)) == 290


def test_a_hall_is_looked_at_when_its_duration_is_over() -> None:
    before = served(spec={"idlePolicy": "Keep", "maxDurationSeconds": 100})
    assert timer(plan(before, seen(pod(), reports=[report(pod(), serving=before)]), NOW)) == 98


def test_hibernation_keeps_the_incarnation_so_that_a_wake_gets_a_new_name() -> None:
    before = hibernated()
    assert (before.status.pod_name, before.status.pod_incarnation) == (None, 0)
    woken = annotated(before, Annotation.WAKE_REQUESTED_AT, format_time(NOW))
    status = status_of(plan(woken, seen(pod(deletion_timestamp=NOW)), NOW), woken)
    assert (status.pod_name, status.pod_incarnation) == ("room-1", 1)
    assert status.pod_restarts is None


def test_a_woken_hall_does_not_take_its_old_pod_for_a_loss() -> None:
    woken = annotated(hibernated(), Annotation.WAKE_REQUESTED_AT, format_time(NOW))
    leaving = pod(deletion_timestamp=NOW)
    after = replace(woken, status=status_of(plan(woken, seen(leaving), NOW), woken))
    assert kinds(plan(after, seen(leaving, fresh_pod(1)), NOW)) == []


def test_a_pod_on_its_way_out_is_not_deleted_again() -> None:
    before = replace(closed(), meta=replace(closed().meta, finalizers=()))
    assert kinds(plan(before, seen(pod(deletion_timestamp=NOW)), NOW)) == []
    expected = seen(pod(), expected_deletes=frozenset({"pod-0"}))
    assert kinds(plan(before, expected, NOW)) == []


def test_only_the_pod_that_was_seen_is_deleted() -> None:
    actions = plan(closing(served()), seen(pod(), reports=[CLOSED]), NOW)
    assert DeletePod(name="room", uid="pod-0") in actions
