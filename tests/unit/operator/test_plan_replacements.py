"""The pods that follow a lost one: their names, their pace, and what becomes of the old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from relay_crds import PodFailure
from relay_crds.names import Annotation
from relay_operator.plan import CreatePod, DeletePod, LossStreak, RecordLoss, plan
from relay_operator.plan.survey import restart_at
from unit.operator.cases import (
    FAILED,
    NOW,
    ago,
    annotated,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    silent,
    status_of,
    timer,
)


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


@pytest.mark.parametrize(
    ("reason", "age", "avoided"),
    [("NodeLost", 0.0, "node-a"), ("NodeLost", 299.0, "node-a"), ("NodeLost", 301.0, None),
     ("OOMKilled", 0.0, None)],
)  # fmt: skip
def test_a_pod_is_not_put_on_the_node_that_the_last_one_was_lost_with(
    reason: str, age: float, avoided: str | None
) -> None:
    """Kubernetes calls a dead node Ready for 50 s: the replacement waited there as long."""
    failure = PodFailure(pod_name="room", node_name="node-a", reason=reason, at=ago(age))
    before = served(incarnation=1)
    before = replace(before, status=replace(before.status, last_pod_failure=failure))
    gone = seen(pod(1, deletion_timestamp=NOW, node_name="node-b"))
    created = next(a for a in plan(before, gone, NOW) if isinstance(a, CreatePod))
    # The loss of now is the last one: what it says counts, not what the status said before.
    assert created.avoid_node is None
    again = replace(before, status=replace(before.status, pod_name=None, endpoint=None))
    created = next(a for a in plan(again, seen(), NOW) if isinstance(a, CreatePod))
    assert created.avoid_node == avoided


def test_the_replacement_of_a_silent_pod_avoids_its_node_at_once() -> None:
    observed = seen(pod(node_name="node-a"), reports=[silent(5)])
    created = next(a for a in plan(served(), observed, NOW) if isinstance(a, CreatePod))
    assert created.avoid_node == "node-a"
