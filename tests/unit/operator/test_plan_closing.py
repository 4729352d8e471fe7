"""The plan for a Hall that is closed or deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from relay_crds import Hall, format_time
from relay_crds.names import Annotation
from relay_operator.plan import DeletePod, plan
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
    report,
    seen,
    served,
    started,
    status_of,
    timer,
)
from unit.operator.end_cases import CLOSE, CLOSED, Case, assert_planned, closing


def deleted(before: Hall, *, at: float = 0) -> Hall:
    return replace(before, meta=replace(before.meta, deletion_timestamp=ago(at)))


CLOSINGS = {
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
}


@pytest.mark.parametrize("case", CLOSINGS.values(), ids=CLOSINGS.keys())
def test_the_plan_is(case: Case) -> None:
    assert_planned(case)


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


def test_a_pod_on_its_way_out_is_not_deleted_again() -> None:
    before = replace(closed(), meta=replace(closed().meta, finalizers=()))
    assert kinds(plan(before, seen(pod(deletion_timestamp=NOW)), NOW)) == []
    expected = seen(pod(), expected_deletes=frozenset({"pod-0"}))
    assert kinds(plan(before, expected, NOW)) == []


def test_only_the_pod_that_was_seen_is_deleted() -> None:
    actions = plan(closing(served()), seen(pod(), reports=[CLOSED]), NOW)
    assert DeletePod(name="room", uid="pod-0") in actions
