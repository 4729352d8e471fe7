"""What looks like the loss of a pod and is none."""

from __future__ import annotations

import pytest

from relay_crds import Hall
from relay_operator.plan import Observed, PodReport, plan
from unit.operator.cases import (
    FAILED,
    NOW,
    ago,
    closed,
    hibernated,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    silent,
    started,
    status_of,
    timer,
)

NO_LOSSES = {
    "a pod silent for a second is not told of": (
        served(),
        seen(pod(), reports=[silent(1)]),
        [],
        "Assigned",
    ),
    "a pod silent for three seconds is told of, and not given up": (
        served(),
        seen(pod(), reports=[silent(3)]),
        ["PatchStatus", "EmitEvent"],
        "MediaUnreachable",
    ),
    "silence everywhere at once ends nobody's call": (
        served(),
        seen(pod(), reports=[silent(60)], outage=True),
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


def test_silence_is_looked_at_again_for_its_verdict() -> None:
    wait = timer(plan(served(), seen(pod(), reports=[silent(3)]), NOW))
    assert wait is not None
    assert 1.0 <= wait <= 1.1
