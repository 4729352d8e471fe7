"""The rows of the tables for a Hall that is to start, and how each is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from relay_crds import Hall
from relay_operator.plan import CreatePod, Observed, plan
from unit.operator.cases import NOW, events_of, fresh_pod, hall, kinds, ready_of, status_of, timer


@dataclass(frozen=True, kw_only=True)
class Case:
    hall: Hall
    observed: Observed
    does: list[str]
    ready: tuple[str, str] | None = None
    timer: Callable[[float | None], bool] = lambda _seconds: True
    events: list[str] | None = None


def new_hall(**spec: object) -> Hall:
    return hall(spec=spec, finalized=False)


def assert_planned(case: Case) -> None:
    actions = plan(case.hall, case.observed, NOW)
    assert kinds(actions) == case.does
    assert case.timer(timer(actions)), timer(actions)
    if case.ready is not None:
        assert ready_of(status_of(actions, case.hall)) == case.ready
    if case.events is not None:
        assert events_of(actions) == case.events


def assert_written_once(case: Case) -> None:
    first = plan(case.hall, case.observed, NOW)
    after = replace(case.hall, status=status_of(first, case.hall))
    created = [a for a in first if isinstance(a, CreatePod)]
    pods = [*case.observed.pods, *(fresh_pod(a.incarnation) for a in created)]
    second = plan(after, replace(case.observed, pods=tuple(pods)), NOW)
    assert "PatchStatus" not in kinds(second)
    assert "EmitEvent" not in kinds(second)
