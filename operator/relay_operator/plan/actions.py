"""What ``plan`` may ask for: small frozen values, carried out in the order they are given.

An action that fails ends its pass; the next pass plans anew from what is then observed. So the
order is part of a plan's meaning: after a crash behind any of them, the rest must still follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relay_crds import HallClass, HallStatus
from relay_operator.plan.observed import Assignment, Loss


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, kw_only=True)
class AddFinalizer:
    """Hold the Hall's deletion until its participants were told."""


@dataclass(frozen=True, kw_only=True)
class RemoveFinalizer:
    """Let the Hall go."""


@dataclass(frozen=True, kw_only=True)
class CreatePod:
    """Create an idle media pod. ``incarnation`` is 0 for the first and gives the pod its name.

    ``avoid_node``: a node that seems lost, though Kubernetes may not know it yet.
    """

    name: str
    incarnation: int
    hall_class: HallClass
    avoid_node: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeletePod:
    """Delete exactly this pod. ``force``: at once, for one whose kubelet never confirms."""

    name: str
    uid: str
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class AssignPod:
    """Tell an idle pod which hall it is, or an assigned one what has changed."""

    name: str
    uid: str
    ip: str
    assignment: Assignment


@dataclass(frozen=True, kw_only=True)
class ClosePod:
    """Have the pod say goodbye to everybody."""

    name: str
    uid: str
    ip: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecordLoss:
    """Remember in this process that a pod was lost: what the restart backoff counts."""

    loss: Loss


@dataclass(frozen=True, kw_only=True)
class PatchStatus:
    """Write what differs between the Hall's status and this one."""

    status: HallStatus


@dataclass(frozen=True, kw_only=True)
class EmitEvent:
    """Tell people, in the past tense, about a transition."""

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DeleteHall:
    """Delete a closed Hall whose retention is over."""


@dataclass(frozen=True, kw_only=True)
class RequeueAfter:
    """Plan again after so many seconds, unless something happens before."""

    seconds: float


Action = (
    AddFinalizer
    | RemoveFinalizer
    | CreatePod
    | DeletePod
    | AssignPod
    | ClosePod
    | RecordLoss
    | PatchStatus
    | EmitEvent
    | DeleteHall
    | RequeueAfter
)
