"""The plan for a Hall whose time is over: its duration, its idle time, its retention."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay_operator.plan import ClosePod, PodState, plan
from unit.operator.cases import (
    LIMITS,
    NOW,
    ago,
    closed,
    hall,
    hibernated,
    pod,
    report,
    seen,
    served,
    timer,
)
from unit.operator.end_cases import CLOSED, Case, assert_planned

RETENTION = LIMITS.retention.total_seconds()
EXPIRIES = {
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
}


@pytest.mark.parametrize("case", EXPIRIES.values(), ids=EXPIRIES.keys())
def test_the_plan_is(case: Case) -> None:
    assert_planned(case)


def test_the_pod_is_told_why() -> None:
    idle = served(spec={"idlePolicy": "Close", "idleTimeoutSeconds": 10})
    told = seen(pod(), reports=[report(pod(), empty_since=ago(10))])
    assert ClosePod(name="room", uid="pod-0", ip="10.0.0.1", reason="Idle") in plan(idle, told, NOW)


def test_a_closed_hall_waits_for_the_end_of_its_retention() -> None:
    before = replace(closed(at=ago(60)), meta=replace(closed().meta, finalizers=()))
    assert timer(plan(before, seen(), NOW)) == RETENTION - 60


def test_a_hall_is_looked_at_when_its_duration_is_over() -> None:
    before = served(spec={"idlePolicy": "Keep", "maxDurationSeconds": 100})
    assert timer(plan(before, seen(pod(), reports=[report(pod(), serving=before)]), NOW)) == 98
