"""The rows of the tables for a Hall that ends or sleeps, and how each is checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from relay_crds import Hall
from relay_operator.plan import Observed, PodState, plan
from relay_operator.plan.serving import assignment_for
from unit.operator.cases import NOW, hall, kinds, pod, ready_of, report, status_of

CLOSE = {"desiredState": "Closed"}
CLOSED = report(pod(), state=PodState.CLOSED)


def closing(before: Hall) -> Hall:
    return replace(before, spec=hall(spec=CLOSE).spec)


@dataclass(frozen=True, kw_only=True)
class Case:
    hall: Hall
    observed: Observed
    does: list[str]
    ready: tuple[str, str] | None = None
    closed_reason: str | None = None


def assert_planned(case: Case) -> None:
    told = assignment_for(case.hall, case.observed)
    reports = {uid: replace(r, assignment=told) for uid, r in case.observed.reports.items()}
    actions = plan(case.hall, replace(case.observed, reports=reports), NOW)
    assert kinds(actions) == case.does
    status = status_of(actions, case.hall)
    if case.ready is not None:
        assert ready_of(status) == case.ready
    if case.closed_reason is not None:
        assert status.closed_reason == case.closed_reason
        assert status.closed_at is not None
        assert (status.pod_name, status.endpoint, status.participant_count) == (None, None, 0)
