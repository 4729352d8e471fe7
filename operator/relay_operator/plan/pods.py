"""A media pod as the plan sees it, and why one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay_crds import ObjectMeta
from relay_crds.fields import Fields
from relay_crds.names import Label

# The API server, scheduler, taint manager and kubelet say in this condition who ends the pod.
_DISRUPTIONS: Final = {
    "PreemptionByScheduler": "Preempted",
    "DeletionByTaintManager": "NodeLost",
    "EvictionByEvictionAPI": "Evicted",
    "DeletionByPodGC": "NodeLost",
    "TerminationByKubelet": "Evicted",
}
_PULL_FAILURES: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
_REASON_MAX: Final = 128
_MESSAGE_MAX: Final = 1024
"""What the CRD takes of a pod's failure; a container may leave 4096 bytes as its last words."""
_START_FAILURES: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Why a pod ended: a CamelCase ``reason`` and what is known beside it."""

    reason: str
    message: str

    @classmethod
    def told(cls, reason: str, message: str) -> Ending:
        """In others' words, as far as the Hall's status takes them."""
        return cls(reason=reason[:_REASON_MAX], message=message[:_MESSAGE_MAX])


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A media pod. ``owner_uid``: of its controlling owner. ``ip`` is empty until it has one."""

    name: str
    namespace: str
    uid: str
    hall_uid: str
    owner_uid: str | None = None
    created_at: datetime
    deletion_timestamp: datetime | None = None
    node_name: str | None = None
    ip: str = ""
    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    scheduled: bool = False
    schedule_message: str = ""
    ready: bool = False
    disruption: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    terminated_reason: str = ""
    terminated_message: str = ""
    exit_code: int | None = None

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> Pod:
        """Read a pod as the API server serves it.

        Raises:
            MalformedObjectError: a field has a type that no pod has.
        """
        meta, raw = ObjectMeta.from_object(obj), Fields(obj)
        metadata, spec, status = raw.section("metadata"), raw.section("spec"), raw.section("status")
        owner = next(
            (ref for ref in metadata.sections("ownerReferences") if ref.flag("controller")), None
        )
        conditions = {found.text("type"): found for found in status.sections("conditions")}
        scheduled, ready = conditions.get("PodScheduled"), conditions.get("Ready")
        disruption = conditions.get("DisruptionTarget")
        states = [found.section("state") for found in status.sections("containerStatuses")]
        waiting = next((s.section("waiting") for s in states if s.has("waiting")), None)
        ended = next((s.section("terminated") for s in states if s.has("terminated")), None)
        created = metadata.time("creationTimestamp")
        if created is None:  # ObjectMeta has refused this already; the type checker cannot know
            raise AssertionError(meta.name)
        return cls(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            hall_uid=meta.labels.get(Label.HALL_UID, ""),
            owner_uid=owner.text("uid") if owner else None,
            created_at=created,
            deletion_timestamp=meta.deletion_timestamp,
            node_name=spec.text("nodeName"),
            ip=status.text("podIP") or "",
            phase=status.text("phase") or "Pending",
            reason=status.text("reason") or "",
            message=status.text("message") or "",
            scheduled=bool(spec.text("nodeName")) or _is_true(scheduled),
            schedule_message=(scheduled.text("message") or "") if scheduled else "",
            ready=_is_true(ready),
            disruption=(
                disruption.text("reason") or "" if disruption and _is_true(disruption) else ""
            ),
            waiting_reason=(waiting.text("reason") or "") if waiting else "",
            waiting_message=(waiting.text("message") or "") if waiting else "",
            terminated_reason=(ended.text("reason") or "") if ended else "",
            terminated_message=(ended.text("message") or "") if ended else "",
            exit_code=ended.integer("exitCode") if ended else None,
        )

    @property
    def finished(self) -> bool:
        """Whether its container has ended: it never restarts, so this is final."""
        return self.phase in {"Failed", "Succeeded"} or self.exit_code is not None

    @property
    def terminating(self) -> bool:
        return self.deletion_timestamp is not None

    @property
    def unschedulable(self) -> bool:
        return not self.scheduled and bool(self.schedule_message)

    @property
    def image_failure(self) -> str | None:
        """Why its container cannot be made, if so: the image, or what it needs to start."""
        if self.waiting_reason in _PULL_FAILURES or self.waiting_reason in _START_FAILURES:
            return f"{self.waiting_reason}: {self.waiting_message}".rstrip(": ")
        return None

    def ending(self) -> Ending | None:
        """Why it ended or is ending, as far as Kubernetes says; ``None`` while it lives."""
        # An eviction announces itself before it deletes, and may still be refused in between.
        if self.disruption and (self.terminating or self.finished):
            reason = _DISRUPTIONS.get(self.disruption, self.disruption)
            return Ending.told(reason, self.message or self.disruption)
        if self.finished:
            if self.reason:
                return Ending.told(self.reason, self.message)
            reason = self.terminated_reason or "Error"
            code = "" if self.exit_code is None else f"exit code {self.exit_code}"
            message = ": ".join(part for part in (code, self.terminated_message) if part)
            return Ending.told(reason, message or self.message)
        if self.terminating:
            return Ending(reason="Deleted", message="somebody deleted the pod")
        return None


def pod_name(hall_name: str, incarnation: int) -> str:
    """The name of a Hall's pod: the Hall's own for the first, ``<hall>-<k>`` for the k-th after."""
    return hall_name if incarnation == 0 else f"{hall_name}-{incarnation}"


def incarnation_of(hall_name: str, name: str) -> int | None:
    """The inverse of ``pod_name``; ``None`` for a name that Relay never gave."""
    if name == hall_name:
        return 0
    prefix, _, number = name.rpartition("-")
    if prefix != hall_name or not number.isascii() or not number.isdigit():
        return None
    return int(number) if not number.startswith("0") else None


def _is_true(condition: Fields | None) -> bool:
    return condition is not None and condition.text("status") == "True"
