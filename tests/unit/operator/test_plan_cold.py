"""The plan from a new Hall to a Ready one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from relay_crds import Hall, ObjectMeta
from relay_crds.names import Annotation, ConditionType
from relay_operator.plan import (
    Action,
    AssignPod,
    CreatePod,
    Observed,
    PodReport,
    PodState,
    Rejection,
    plan,
)
from unit.operator.cases import (
    CREATED,
    HALL_CLASS,
    LIMITS,
    NOW,
    PLAN,
    UID,
    ago,
    events_of,
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
    timer,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    hall: Hall
    observed: Observed
    does: list[str]
    ready: tuple[str, str] | None = None
    timer: Callable[[float | None], bool] = lambda _seconds: True
    events: list[str] | None = None


def _new(**spec: object) -> Hall:
    return hall(spec=spec, finalized=False)


STARTING = started()
CASES = {
    "a new hall gets our finalizer, then its pod, then its status": Case(
        hall=_new(),
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
    "a class that does not exist makes no pod": Case(
        hall=hall(),
        observed=seen(hall_class=None),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "ClassNotFound"),
        timer=lambda seconds: seconds is None,
        events=["Warning ClassNotFound"],
    ),
    "a plan that does not exist makes no pod": Case(
        hall=hall(),
        observed=seen(plan=None),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "PlanNotFound"),
    ),
    "recording is refused until there is storage for it": Case(
        hall=hall(spec={"record": True}),
        observed=seen(),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "StorageNotConfigured"),
    ),
    "moderation is refused until a plan has it": Case(
        hall=hall(spec={"moderation": True}),
        observed=seen(),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "PlanRequired"),
    ),
    "metadata beyond 16 KiB is refused": Case(
        hall=hall(spec={"metadata": {"note": "x" * 16384}}),
        observed=seen(),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "MetadataTooLarge"),
    ),
    "a refused hall needs no finalizer, for nobody is in it": Case(
        hall=_new(record=True), observed=seen(), does=["PatchStatus", "EmitEvent"]
    ),
    "a pod that admission refused becomes the condition, with a long wait": Case(
        hall=hall(),
        observed=seen(
            rejection=Rejection(
                message="violates PodSecurity",
                at=ago(1),
                attempts=1,
                hall_generation=1,
                class_version="7",
            )
        ),
        does=["PatchStatus", "EmitEvent"],
        ready=("False", "PodRejected"),
        timer=lambda seconds: seconds == 59.0,
    ),
    "a refusal is tried again when its time is over": Case(
        hall=hall(),
        observed=seen(
            rejection=Rejection(
                message="quota", at=ago(61), attempts=1, hall_generation=1, class_version="7"
            )
        ),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a refusal is tried again at once when the class has changed": Case(
        hall=hall(),
        observed=seen(
            rejection=Rejection(
                message="quota", at=ago(1), attempts=1, hall_generation=1, class_version="6"
            )
        ),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "a refusal is tried again at once when the hall has changed": Case(
        hall=hall(generation=2),
        observed=seen(
            rejection=Rejection(
                message="quota", at=ago(1), attempts=1, hall_generation=1, class_version="7"
            )
        ),
        does=["CreatePod", "PatchStatus", "EmitEvent"],
    ),
    "the tenth refusal in a row waits ten minutes and no longer": Case(
        hall=hall(),
        observed=seen(
            rejection=Rejection(
                message="quota", at=NOW, attempts=10, hall_generation=1, class_version="7"
            )
        ),
        does=["PatchStatus", "EmitEvent"],
        timer=lambda seconds: seconds == LIMITS.rejection_retry_max.total_seconds(),
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
    "a class that goes away does not end a running hall": Case(
        hall=served(), observed=seen(pod(), reports=[report(pod())], hall_class=None), does=[]
    ),
    "a plan that goes away does not end a running hall or lift its cap": Case(
        hall=served(), observed=seen(pod(), reports=[report(pod())], plan=None), does=[]
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_plan_is(case: Case) -> None:
    actions = plan(case.hall, case.observed, NOW)
    assert kinds(actions) == case.does
    assert case.timer(timer(actions)), timer(actions)
    if case.ready is not None:
        assert ready_of(status_of(actions, case.hall)) == case.ready
    if case.events is not None:
        assert events_of(actions) == case.events


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_same_situation_gives_the_same_plan(case: Case) -> None:
    assert plan(case.hall, case.observed, NOW) == plan(case.hall, case.observed, NOW)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_status_once_written_is_not_written_again(case: Case) -> None:
    first = plan(case.hall, case.observed, NOW)
    after = replace(case.hall, status=status_of(first, case.hall))
    created = [a for a in first if isinstance(a, CreatePod)]
    pods = [*case.observed.pods, *(fresh_pod(a.incarnation) for a in created)]
    second = plan(after, replace(case.observed, pods=tuple(pods)), NOW)
    assert "PatchStatus" not in kinds(second)
    assert "EmitEvent" not in kinds(second)


def _create(actions: list[Action]) -> CreatePod:
    return next(a for a in actions if isinstance(a, CreatePod))


def _assign(actions: list[Action]) -> AssignPod:
    return next(a for a in actions if isinstance(a, AssignPod))


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


def test_a_pod_that_says_idle_though_the_status_says_assigned_is_assigned_again() -> None:
    told = report(pod(), state=PodState.IDLE, assignment=None)
    assert kinds(plan(served(), seen(pod(), reports=[told]), NOW)) == ["AssignPod"]


def test_the_transition_time_moves_only_with_the_status() -> None:
    first = started(created=CREATED)
    later = plan(first, seen(fresh_pod(schedule_message="no node")), NOW)
    ready = status_of(later, first).condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == "PodUnschedulable"
    assert ready.last_transition_time == ago(1)
