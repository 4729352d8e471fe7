"""What the plan has a pod told: whose it is, how many may come, and in which codecs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay_operator.plan import Action, AssignPod, PodState, plan
from unit.operator.cases import (
    HALL_CLASS,
    NOW,
    PLAN,
    UID,
    hall,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    status_of,
)


def _assign(actions: list[Action]) -> AssignPod:
    return next(a for a in actions if isinstance(a, AssignPod))


@pytest.mark.parametrize(
    ("asked", "allowed", "effective"),
    [(50, 10, 10), (5, 10, 5), (10, 10, 10), (10_000, 1000, 1000)],
)
def test_the_cap_is_the_smaller_of_spec_and_plan(asked: int, allowed: int, effective: int) -> None:
    before = hall(spec={"maxParticipants": asked})
    observed = seen(pod(), plan=replace(PLAN, max_participants=allowed))
    actions = plan(before, observed, NOW)
    assert status_of(actions, before).max_participants == effective
    assert _assign(actions).assignment.max_participants == effective


def test_a_changed_cap_is_told_to_the_running_pod() -> None:
    before = served()
    after = replace(
        before,
        spec=replace(before.spec, max_participants=3),
        meta=replace(before.meta, generation=2),
    )
    observed = seen(pod(), reports=[report(pod(), serving=before)])
    actions = plan(after, observed, NOW)
    assert _assign(actions).assignment.max_participants == 3
    status = status_of(actions, after)
    assert (status.max_participants, status.observed_generation) == (3, 2)
    assert ready_of(status) == ("True", "Assigned")


def test_a_changed_plan_is_told_to_the_running_pod() -> None:
    observed = seen(pod(), reports=[report(pod())], plan=replace(PLAN, max_participants=4))
    actions = plan(served(), observed, NOW)
    assert _assign(actions).assignment.max_participants == 4


def test_the_pod_is_told_who_it_is() -> None:
    before = hall(spec={"displayName": "Weekly"})
    found = _assign(plan(before, seen(pod()), NOW))
    assert (found.name, found.uid, found.ip) == ("room", "pod-0", "10.0.0.1")
    assert found.assignment.hall_uid == UID
    assert found.assignment.hall_id == before.hall_id
    assert found.assignment.display_name == "Weekly"
    assert found.assignment.codecs == ("opus", "VP8", "H264")


def test_a_hall_without_a_display_name_is_called_by_its_own() -> None:
    assert _assign(plan(hall(), seen(pod()), NOW)).assignment.display_name == "room"


def test_the_class_chooses_the_codecs() -> None:
    observed = seen(pod(), hall_class=replace(HALL_CLASS, codecs=("opus", "VP8")))
    assert _assign(plan(hall(), observed, NOW)).assignment.codecs == ("opus", "VP8")


def test_a_pod_that_says_idle_though_the_status_says_assigned_is_assigned_again() -> None:
    told = report(pod(), state=PodState.IDLE, assignment=None)
    assert kinds(plan(served(), seen(pod(), reports=[told]), NOW)) == ["AssignPod"]
