"""Halls, pods and their surroundings for the plan's tables: small builders, telling defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from relay_crds import Hall, HallClass, HallStatus, ObjectMeta, Plan
from relay_crds.names import FINALIZER, Annotation, ConditionType
from relay_operator.plan import (
    Action,
    EmitEvent,
    Limits,
    Observed,
    PatchStatus,
    Pod,
    PodReport,
    PodState,
    RequeueAfter,
    plan,
)
from relay_operator.plan.serving import assignment_for

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
CREATED = NOW - timedelta(seconds=2)
UID = "hall-uid"
HOUR = timedelta(hours=1)
LIMITS = Limits()
FAILED = {"phase": "Failed", "ready": False}

HALL_CLASS = HallClass(
    meta=ObjectMeta(
        name="default",
        uid="class-uid",
        creation_timestamp="2026-01-01T00:00:00Z",
        resource_version="7",
    ),
    image="relay-media:test",
)
PLAN = Plan(
    meta=ObjectMeta(name="free", uid="plan-uid", creation_timestamp="2026-01-01T00:00:00Z"),
    max_participants=10,
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def hall(
    *,
    spec: dict[str, Any] | None = None,
    status: HallStatus | None = None,
    finalized: bool = True,
    deleted: datetime | None = None,
    annotations: dict[str, str] | None = None,
    generation: int = 1,
    created: datetime = CREATED,
    name: str = "room",
) -> Hall:
    """An open Hall with our finalizer on it and no status yet."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "tenant",
        "uid": UID,
        "creationTimestamp": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "generation": generation,
        "resourceVersion": "100",
        "finalizers": [FINALIZER] if finalized else [],
        "annotations": annotations or {},
    }
    if deleted is not None:
        metadata["deletionTimestamp"] = deleted.strftime("%Y-%m-%dT%H:%M:%SZ")
    made = Hall.from_object({"metadata": metadata, "spec": spec or {}})
    return replace(made, status=status or HallStatus())


def pod(incarnation: int = 0, *, name: str = "room", **fields: Any) -> Pod:
    """A scheduled pod of the Hall, running with an address."""
    defaults: dict[str, Any] = {
        "name": name if incarnation == 0 else f"{name}-{incarnation}",
        "namespace": "tenant",
        "uid": f"pod-{incarnation}",
        "hall_uid": UID,
        "owner_uid": UID,
        "created_at": ago(1),
        "node_name": "node-a",
        "ip": "10.0.0.1",
        "phase": "Running",
        "scheduled": True,
        "ready": True,
    }
    return Pod(**(defaults | fields))


def fresh_pod(incarnation: int = 0, **fields: Any) -> Pod:
    """A pod just created: not scheduled, no address."""
    return pod(
        incarnation,
        **(
            {"node_name": None, "ip": "", "phase": "Pending", "scheduled": False, "ready": False}
            | fields
        ),
    )


def report(of: Pod, *, serving: Hall | None = None, **fields: Any) -> PodReport:
    """What an assigned pod says; ``serving``: the Hall that it was told of as it now is."""
    defaults: dict[str, Any] = {
        "pod_uid": of.uid,
        "state": PodState.ASSIGNED,
        "empty_since": ago(1),
        "first_tried_at": ago(2),
        "assignment": assignment_for(serving or hall(), seen()),
    }
    return PodReport(**(defaults | fields))


def silent(seconds: float, **fields: object) -> PodReport:
    return report(pod(), failing_since=ago(seconds), **fields)


def seen(*pods: Pod, **fields: Any) -> Observed:
    """The surroundings: a class, a plan, and these pods."""
    defaults: dict[str, Any] = {"pods": pods, "hall_class": HALL_CLASS, "plan": PLAN}
    reports = fields.pop("reports", ())
    if not isinstance(reports, dict):
        reports = {found.pod_uid: found for found in reports}
    return Observed(**(defaults | {"reports": reports} | fields))


def without_timers(actions: list[Action]) -> list[Action]:
    return [action for action in actions if not isinstance(action, RequeueAfter)]


def kinds(actions: list[Action]) -> list[str]:
    """The names of the actions in order, without the timers."""
    return [type(action).__name__ for action in without_timers(actions)]


def timer(actions: list[Action]) -> float | None:
    return min((a.seconds for a in actions if isinstance(a, RequeueAfter)), default=None)


def status_of(actions: list[Action], before: Hall) -> HallStatus:
    """The status after the actions."""
    for action in actions:
        if isinstance(action, PatchStatus):
            return action.status
    return before.status


def ready_of(status: HallStatus) -> tuple[str, str]:
    found = status.condition(ConditionType.READY)
    assert found is not None
    return found.status.value, found.reason


def events_of(actions: list[Action]) -> list[str]:
    return [f"{a.type.value} {a.reason}" for a in actions if isinstance(a, EmitEvent)]


def started(*, incarnation: int = 0, spec: dict[str, Any] | None = None, **fields: Any) -> Hall:
    """A Hall whose pod was created a moment ago."""
    before = hall(spec=spec, **fields)
    seed = replace(before.status, pod_incarnation=incarnation - 1 if incarnation else None)
    before = replace(before, status=seed)
    actions = plan(before, seen(), ago(1))
    return replace(before, status=status_of(actions, before))


def served(
    *,
    incarnation: int = 0,
    participants: int = 0,
    spec: dict[str, Any] | None = None,
    at: datetime = NOW - timedelta(seconds=1),
    **fields: Any,
) -> Hall:
    """A Hall that is Ready on its pod."""
    before = started(incarnation=incarnation, spec=spec, **fields)
    serving = pod(incarnation)
    told = report(
        serving,
        serving=before,
        participants=participants,
        empty_since=None if participants else at,
    )
    actions = plan(before, seen(serving, reports=[told]), at)
    after = replace(before, status=status_of(actions, before))
    assert ready_of(after.status) == ("True", "Assigned")
    return after


def hibernated(*, at: datetime = NOW - timedelta(seconds=60), **fields: Any) -> Hall:
    """A Hall that gave its pod back at this time."""
    before = served(at=at - timedelta(seconds=400), created=at - timedelta(seconds=500), **fields)
    serving = pod()
    told = report(serving, serving=before, empty_since=at - timedelta(seconds=300))
    actions = plan(before, seen(serving, reports=[told]), at)
    after = replace(before, status=status_of(actions, before))
    assert ready_of(after.status) == ("True", "Hibernated")
    return after


def closed(*, at: datetime = NOW - timedelta(seconds=60), **fields: Any) -> Hall:
    """A Hall that was closed on request at this time."""
    spec = fields.pop("spec", {}) | {"desiredState": "Closed"}
    before = hall(spec=spec, created=at - HOUR, **fields)
    actions = plan(before, seen(), at)
    after = replace(before, status=status_of(actions, before))
    assert after.closed
    return after


def annotated(before: Hall, name: Annotation, value: str) -> Hall:
    meta = replace(before.meta, annotations={**before.meta.annotations, name.value: value})
    return replace(before, meta=meta)
