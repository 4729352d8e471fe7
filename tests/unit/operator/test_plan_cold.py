"""The plan from a new Hall to a Ready one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay_crds import ObjectMeta
from relay_crds.names import Annotation, ConditionType
from relay_operator.plan import Action, CreatePod, PodReport, plan
from unit.operator.cases import (
    CREATED,
    HALL_CLASS,
    NOW,
    ago,
    fresh_pod,
    hall,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    started,
    status_of,
)
from unit.operator.start_cases import Case, assert_planned, assert_written_once, new_hall

STARTING = started()
STARTS = {
    "a new hall gets our finalizer, then its pod, then its status": Case(
        hall=new_hall(),
        observed=seen(),
        does=["AddFinalizer", "CreatePod", "PatchStatus", "EmitEvent"],
        ready=("False", "PodStarting"),
        events=["Normal PodStarting"],
    ),
    "a hall with our finalizer already does not get it again": Case(
        hall=hall(), observed=seen(), does=["CreatePod", "PatchStatus", "EmitEvent"]
    ),
    "a paused hall is left alone": Case(
        hall=hall(finalized=False, annotations={Annotation.PAUSED.value: "true"}),
        observed=seen(),
        does=[],
    ),
    "a pause that says anything but true is none": Case(
        hall=hall(annotations={Annotation.PAUSED.value: "yes"}),
        observed=seen(),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a pod that was just created and is not seen yet is waited for": Case(
        hall=hall(), observed=seen(expected_creates=frozenset({"room"})), does=[]
    ),
    "a pod made by a process that ended before the status was written is taken over": Case(
        hall=hall(),
        observed=seen(fresh_pod()),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "PodStarting"),
    ),
    "a pod without an address is waited for, and no timer runs": Case(
        hall=STARTING,
        observed=seen(fresh_pod()),
        does=[],
        timer=lambda seconds: seconds is None,
    ),
    "a pod with an address is assigned at once, and tried again within a tenth of a second": Case(
        hall=STARTING,
        observed=seen(pod(phase="Pending", ready=False)),
        does=["AssignPod"],
        timer=lambda seconds: seconds is not None and seconds <= 0.1,
    ),
    "a pod that has not answered for ten seconds is tried once a second": Case(
        hall=STARTING,
        observed=seen(
            pod(),
            reports=[PodReport(pod_uid="pod-0", first_tried_at=ago(11), failing_since=ago(11))],
        ),
        does=["AssignPod"],
        timer=lambda seconds: seconds == 1.0,
    ),
    "a pod that confirmed the hall makes it ready": Case(
        hall=STARTING,
        observed=seen(pod(), reports=[report(pod())]),
        does=["PatchStatus", "EmitEvent"],
        ready=("True", "Assigned"),
        events=["Normal Assigned"],
    ),
    "a ready hall on an unchanged pod needs nothing": Case(
        hall=served(), observed=seen(pod(), reports=[report(pod())]), does=[]
    ),
    "after a restart of this process a ready hall is asked for, not written": Case(
        hall=served(), observed=seen(pod()), does=["AssignPod"]
    ),
    "a pod that no node takes is told of": Case(
        hall=STARTING,
        observed=seen(fresh_pod(schedule_message="0/3 nodes are available")),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "PodUnschedulable"),
        events=["Warning PodUnschedulable"],
    ),
    "an image that cannot be pulled is told of": Case(
        hall=STARTING,
        observed=seen(
            fresh_pod(scheduled=True, waiting_reason="ErrImagePull", waiting_message="not found")
        ),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "ImagePullFailed"),
    ),
    "a container that cannot be made is told of like an image": Case(
        hall=STARTING,
        observed=seen(fresh_pod(scheduled=True, waiting_reason="CreateContainerConfigError")),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "ImagePullFailed"),
    ),
    "a pod that runs for half a minute without an answer is told of and still tried": Case(
        hall=STARTING,
        observed=seen(
            pod(),
            reports=[PodReport(pod_uid="pod-0", first_tried_at=ago(31), failing_since=ago(31))],
        ),
        does=["AssignPod", "PatchStatus", "EmitEvent"],
        ready=("False", "MediaUnreachable"),
    ),
    "a pod of another owner with our label is none of ours": Case(
        hall=hall(),
        observed=seen(pod(owner_uid="other")),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a pod of ours with a name that we never gave is none of ours": Case(
        hall=hall(),
        observed=seen(pod(name="room-07")),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a name that an earlier hall's pod still has is passed over": Case(
        hall=hall(),
        observed=seen(taken_names=frozenset({"room", "room-1"})),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
        ready=("False", "PodStarting"),
    ),
}


@pytest.mark.parametrize("case", STARTS.values(), ids=STARTS.keys())
def test_the_plan_is(case: Case) -> None:
    assert_planned(case)


@pytest.mark.parametrize("case", STARTS.values(), ids=STARTS.keys())
def test_the_same_situation_gives_the_same_plan(case: Case) -> None:
    assert plan(case.hall, case.observed, NOW) == plan(case.hall, case.observed, NOW)


@pytest.mark.parametrize("case", STARTS.values(), ids=STARTS.keys())
def test_a_status_once_written_is_not_written_again(case: Case) -> None:
    assert_written_once(case)


def _create(actions: list[Action]) -> CreatePod:
    return next(a for a in actions if isinstance(a, CreatePod))


def test_the_first_pod_has_the_name_of_the_hall() -> None:
    found = _create(plan(hall(), seen(), NOW))
    assert (found.name, found.incarnation, found.hall_class) == ("room", 0, HALL_CLASS)


def test_the_status_names_the_pod_and_where_the_gateway_finds_it() -> None:
    actions = plan(STARTING, seen(pod(), reports=[report(pod(), sequence=4)]), NOW)
    status = status_of(actions, STARTING)
    assert (status.pod_name, status.pod_incarnation) == ("room", 0)
    assert (status.node_name, status.endpoint) == ("node-a", "10.0.0.1")
    assert status.ready_at == NOW
    assert status.observed_generation == 1
    assert status.event_cursor is not None
    assert (status.event_cursor.pod_uid, status.event_cursor.sequence) == ("pod-0", 4)


def test_no_endpoint_is_told_before_the_pod_has_confirmed_the_hall() -> None:
    actions = plan(hall(), seen(pod()), NOW)
    assert status_of(actions, hall()).endpoint is None


def test_a_start_that_goes_well_writes_the_status_twice() -> None:
    before = hall(finalized=False)
    steps = [
        seen(),
        seen(fresh_pod()),
        seen(fresh_pod(scheduled=True, node_name="node-a")),
        seen(pod(phase="Pending", ready=False, waiting_reason="ContainerCreating")),
        seen(pod(ready=False)),
        seen(pod(ready=False), reports=[report(pod())]),
        seen(pod(), reports=[report(pod())]),
    ]
    writes = []
    for observed in steps:
        actions = plan(before, observed, NOW)
        writes += [k for k in kinds(actions) if k != "AssignPod"]
        meta: ObjectMeta = before.meta
        if "AddFinalizer" in kinds(actions):
            meta = replace(meta, finalizers=("relay.dev/close",))
        before = replace(before, status=status_of(actions, before), meta=meta)
    assert sorted(writes) == [
        "AddFinalizer", "CreatePod", "EmitEvent", "EmitEvent", "PatchStatus", "PatchStatus",
    ]  # fmt: skip
    assert ready_of(before.status) == ("True", "Assigned")


def test_a_slow_start_tells_that_the_pod_has_its_node() -> None:
    waiting = fresh_pod(scheduled=True, node_name="node-a", created_at=ago(10))
    before = started()
    status = status_of(plan(before, seen(waiting), NOW), before)
    scheduled = status.condition(ConditionType.POD_SCHEDULED)
    assert scheduled is not None
    assert (scheduled.status.value, status.node_name) == ("True", "node-a")


def test_the_transition_time_moves_only_with_the_status() -> None:
    first = started(created=CREATED)
    later = plan(first, seen(fresh_pod(schedule_message="no node")), NOW)
    ready = status_of(later, first).condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == "PodUnschedulable"
    assert ready.last_transition_time == ago(1)
