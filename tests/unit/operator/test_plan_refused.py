"""The plan for a Hall that may not have a pod, or whose pod the API server refuses."""

from __future__ import annotations

import pytest

from relay_operator.plan import Rejection, plan
from unit.operator.cases import LIMITS, NOW, ago, hall, pod, report, seen, served
from unit.operator.start_cases import Case, assert_planned, assert_written_once, new_hall

REFUSALS = {
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
        hall=new_hall(record=True), observed=seen(), does=["PatchStatus", "EmitEvent"]
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
    "a class that goes away does not end a running hall": Case(
        hall=served(), observed=seen(pod(), reports=[report(pod())], hall_class=None), does=[]
    ),
    "a plan that goes away does not end a running hall or lift its cap": Case(
        hall=served(), observed=seen(pod(), reports=[report(pod())], plan=None), does=[]
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_the_plan_is(case: Case) -> None:
    assert_planned(case)


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_the_same_situation_gives_the_same_plan(case: Case) -> None:
    assert plan(case.hall, case.observed, NOW) == plan(case.hall, case.observed, NOW)


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_status_once_written_is_not_written_again(case: Case) -> None:
    assert_written_once(case)
