"""What every pod last said, by its UID: this process's only memory of the pods' insides."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from datetime import datetime

from relay_operator.control.answers import EventsPage, PodAnswer
from relay_operator.plan import Assignment, Pod, PodReport, PodState


class Reports:
    """``clock``: the time of day, as conditions tell it."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        """Know of no pod."""
        self._clock = clock
        self._reports: dict[str, PodReport] = {}

    def get(self, pod_uid: str) -> PodReport:
        return self._reports.get(pod_uid) or PodReport(pod_uid=pod_uid)

    def of(self, pods: Iterable[Pod]) -> dict[str, PodReport]:
        return {pod.uid: self._reports[pod.uid] for pod in pods if pod.uid in self._reports}

    def keep_only(self, pod_uids: Container[str]) -> None:
        """Forget every pod that is not among these."""
        self._reports = {uid: found for uid, found in self._reports.items() if uid in pod_uids}

    def assigned(self, answer: PodAnswer, assignment: Assignment, *, resume_at: int) -> None:
        """The pod confirmed an assignment. ``resume_at``: the cursor of an earlier process."""
        old = self.get(answer.pod_uid)
        self._reports[answer.pod_uid] = replace(
            old,
            state=answer.state,
            assignment=assignment,
            participants=answer.participants,
            empty_since=self._emptiness(answer.participants, answer.empty_since, old),
            sequence=max(old.sequence, resume_at),
            failing_since=None,
            first_tried_at=old.first_tried_at or self._clock(),
            refuses_key=False,
        )

    def heard(self, page: EventsPage) -> bool:
        """The pod's events arrived; returns whether the Hall's status may be concerned."""
        old = self.get(page.pod_uid)
        new = replace(
            old,
            participants=page.participants,
            empty_since=self._emptiness(page.participants, page.empty_since, old),
            sequence=max(old.sequence, page.sequence),
            failing_since=None,
            refuses_key=False,
        )
        self._reports[page.pod_uid] = new
        return new != old

    def failed(self, pod_uid: str) -> bool:
        """The pod gave no usable answer; returns whether it is the first time in a row."""
        old = self.get(pod_uid)
        now = self._clock()
        self._reports[pod_uid] = replace(
            old,
            failing_since=old.failing_since or now,
            first_tried_at=old.first_tried_at or now,
        )
        return old.failing_since is None

    def refused(self, pod_uid: str) -> bool:
        """The pod lives and does not know our key; returns whether that is news."""
        old = self.get(pod_uid)
        self._reports[pod_uid] = replace(
            old,
            failing_since=None,
            first_tried_at=old.first_tried_at or self._clock(),
            refuses_key=True,
        )
        return not old.refuses_key

    def conflicting(self, pod_uid: str) -> None:
        self._reports[pod_uid] = replace(self.get(pod_uid), conflict=True)

    def asked_to_close(self, pod_uid: str) -> None:
        old = self.get(pod_uid)
        self._reports[pod_uid] = replace(old, closing_since=old.closing_since or self._clock())

    def closed(self, pod_uid: str) -> None:
        old = self.get(pod_uid)
        self._reports[pod_uid] = replace(
            old,
            state=PodState.CLOSED,
            participants=0,
            empty_since=old.empty_since or self._clock(),
            failing_since=None,
        )

    def participants(self) -> int:
        return sum(found.participants for found in self._reports.values())

    def outage(self, pods: Iterable[Pod]) -> bool:
        """Whether the fault is likely to be on our side of the network.

        One lost node silences one node's pods. Most pods silent, on two nodes or more, is what it
        looks like when the operator itself is cut off: then nobody's call is ended for it. A pod
        that never answered this process counts as well, where its kubelet calls it ready: a new
        operator may be cut off from its first moment on. One that refuses our key has answered.
        """
        tracked = [
            (pod, found)
            for pod in pods
            if (found := self._reports.get(pod.uid))
            and (
                found.state is PodState.ASSIGNED
                or found.refuses_key
                or (found.failing_since and pod.ready)
            )
        ]
        silent = [pod for pod, found in tracked if found.failing_since is not None]
        nodes = {pod.node_name for pod in silent}
        return len(nodes) > 1 and 2 * len(silent) > len(tracked)

    def _emptiness(
        self, participants: int, said: datetime | None, old: PodReport
    ) -> datetime | None:
        """Since when nobody is in, never in our future: a pod's clock may be wrong."""
        if participants:
            return None
        now = self._clock()
        return min(said, now) if said else old.empty_since or now
