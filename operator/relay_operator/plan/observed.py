"""What ``plan`` looks at: everything known about one Hall's surroundings at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from relay_crds import Account, HallClass, Plan
from relay_operator.plan.pods import Pod


class PodState(StrEnum):
    """What a pod says about itself; ``UNKNOWN`` until it has answered this process once."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    ASSIGNED = "assigned"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a pod is told on ``POST /assign``."""

    hall_uid: str
    hall_id: str
    namespace: str
    name: str
    display_name: str
    max_participants: int
    codecs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PodReport:
    """What a pod last said on its control port, and since when it has not answered.

    ``assignment``: the one it has confirmed to this process. ``sequence``: the last event read.
    ``failing_since``: the first failed request after the last good one. ``conflict``: it said that
    it belongs to another hall. ``closing_since``: when this process first asked it to close.
    ``refuses_key``: it answers, and does not know the key that we sign with.
    """

    pod_uid: str
    state: PodState = PodState.UNKNOWN
    assignment: Assignment | None = None
    participants: int = 0
    empty_since: datetime | None = None
    sequence: int = 0
    failing_since: datetime | None = None
    first_tried_at: datetime | None = None
    conflict: bool = False
    closing_since: datetime | None = None
    refuses_key: bool = False

    def failing_for(self, now: datetime) -> timedelta:
        return timedelta(0) if self.failing_since is None else now - self.failing_since


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A pod that ended before its hall did, and is not in the Hall's status yet."""

    pod_name: str
    incarnation: int
    reason: str
    message: str
    at: datetime
    node_name: str | None = None
    quick: bool = True


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """The API server refused the pod made from these inputs; others may fare better."""

    message: str
    at: datetime
    attempts: int
    hall_generation: int
    class_version: str


@dataclass(frozen=True, kw_only=True)
class LossStreak:
    """Pods lost soon after their start, one after the other, without a long-lived one between."""

    count: int
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Times that the plan goes by.

    ``unreachable_notice``: after this long without an answer the condition says so.
    ``unreachable_verdict``: after this long the pod counts as lost. A dead peer is noticed by TCP
    keepalive about four seconds earlier, so a lost node costs about eight seconds.
    """

    retention: timedelta = timedelta(days=30)
    unreachable_notice: timedelta = timedelta(seconds=2)
    unreachable_verdict: timedelta = timedelta(seconds=4)
    start_patience: timedelta = timedelta(seconds=30)
    close_deadline: timedelta = timedelta(seconds=15)
    count_interval: timedelta = timedelta(seconds=1)
    stuck_after: timedelta = timedelta(seconds=60)
    rejection_retry: timedelta = timedelta(seconds=60)
    rejection_retry_max: timedelta = timedelta(minutes=10)


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Everything that a plan for one Hall may depend on, beside the Hall and the time.

    ``pods``: all with the Hall's UID in their label. ``account``: ``None`` where the namespace has
    none. ``reports``: by pod UID. ``expected_creates``: names of pods just created and not seen
    yet. ``expected_deletes``: UIDs of pods deleted by us, whatever a stale cache says of them.
    ``taken_names``: pods of these names are still there from an earlier Hall of the same name.
    ``outage``: so many pods on so many nodes fail to answer that the fault is likely to be on our
    side of the network.
    """

    pods: tuple[Pod, ...] = ()
    hall_class: HallClass | None = None
    account: Account | None = None
    plan: Plan | None = None
    plan_name: str = "free"
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    expected_creates: frozenset[str] = frozenset()
    expected_deletes: frozenset[str] = frozenset()
    taken_names: frozenset[str] = frozenset()
    rejection: Rejection | None = None
    streak: LossStreak | None = None
    status_written_at: datetime | None = None
    outage: bool = False
    limits: Limits = DEFAULT_LIMITS

    def report(self, pod: Pod) -> PodReport:
        return self.reports.get(pod.uid) or PodReport(pod_uid=pod.uid)
