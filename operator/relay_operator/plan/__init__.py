"""What to do for a Hall: ``plan(hall, observed, now) -> [actions]``, pure, and its vocabulary."""

from relay_operator.plan.actions import (
    Action,
    AddFinalizer,
    AssignPod,
    ClosePod,
    CreatePod,
    DeleteHall,
    DeletePod,
    EmitEvent,
    EventType,
    PatchStatus,
    RecordLoss,
    RemoveFinalizer,
    RequeueAfter,
)
from relay_operator.plan.decide import plan
from relay_operator.plan.observed import (
    Assignment,
    Limits,
    Loss,
    LossStreak,
    Observed,
    PodReport,
    PodState,
    Rejection,
)
from relay_operator.plan.pods import Ending, Pod, incarnation_of, pod_name

__all__ = [
    "Action",
    "AddFinalizer",
    "AssignPod",
    "Assignment",
    "ClosePod",
    "CreatePod",
    "DeleteHall",
    "DeletePod",
    "EmitEvent",
    "Ending",
    "EventType",
    "Limits",
    "Loss",
    "LossStreak",
    "Observed",
    "PatchStatus",
    "Pod",
    "PodReport",
    "PodState",
    "RecordLoss",
    "Rejection",
    "RemoveFinalizer",
    "RequeueAfter",
    "incarnation_of",
    "plan",
    "pod_name",
]
