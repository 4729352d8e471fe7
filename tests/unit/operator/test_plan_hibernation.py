"""The plan for a Hall that sleeps and wakes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay_crds import format_time
from relay_crds.names import Annotation
from relay_operator.plan import plan
from unit.operator.cases import (
    NOW,
    ago,
    annotated,
    fresh_pod,
    hall,
    hibernated,
    kinds,
    pod,
    report,
    seen,
    served,
    status_of,
    timer,
)
from unit.operator.end_cases import Case, assert_planned

HIBERNATIONS = {
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


@pytest.mark.parametrize("case", HIBERNATIONS.values(), ids=HIBERNATIONS.keys())
def test_the_plan_is(case: Case) -> None:
    assert_planned(case)


def test_an_empty_hall_is_looked_at_when_its_idle_time_is_over() -> None:
    told = seen(pod(), reports=[report(pod(), empty_since=ago(10))])
    assert timer(plan(served(), told, NOW)) == 290


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
