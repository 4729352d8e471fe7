"""The plan for a Hall whose pod is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from relay_crds import Hall
from relay_operator.plan import DeletePod, Observed, Pod, PodReport, PodState, plan
from unit.operator.cases import (
    FAILED,
    NOW,
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
    silent,
    started,
    status_of,
)

REPLACED = ["CreatePod", "RecordLoss", "PatchStatus", "EmitEvent"]


@dataclass(frozen=True, kw_only=True)
class Loss:
    observed: Observed
    reason: str
    message: str = ""
    does: list[str]
    hall: Hall | None = None


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
        observed=seen(pod(), reports=[silent(4.1)]),
        reason="NodeLost",
        message="the control port has not answered for 4 s",
        does=[*REPLACED, "DeletePod"],
    ),
    "a restart of this process does not hide a silent pod for long": Loss(
        observed=seen(
            pod(),
            reports=[PodReport(pod_uid="pod-0", first_tried_at=ago(31), failing_since=ago(31))],
        ),
        reason="NodeLost",
        message="the control port has not answered for 31 s",
        does=[*REPLACED, "DeletePod"],
    ),
    "the kubelet's word ends a pod even while we may be cut off ourselves": Loss(
        observed=seen(pod(ready=False), reports=[silent(5)], outage=True),
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


def test_the_replacement_is_created_before_anything_is_written_or_deleted() -> None:
    observed = seen(pod(**FAILED, terminated_reason="Error", exit_code=1))
    assert kinds(plan(served(), observed, NOW)) == [*REPLACED, "DeletePod"]
