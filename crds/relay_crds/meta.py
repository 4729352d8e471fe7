"""The parts that every Kubernetes object has, and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from relay_crds.errors import MalformedObjectError
from relay_crds.fields import Fields
from relay_crds.names import ConditionStatus
from relay_crds.times import format_time


@dataclass(frozen=True, kw_only=True)
class ObjectMeta:
    """What Relay reads of ``metadata``. ``namespace`` is empty for cluster-scoped kinds."""

    name: str
    uid: str
    creation_timestamp: str
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> ObjectMeta:
        """Read ``metadata`` of an object as the API server serves it.

        Raises:
            MalformedObjectError: name, uid or creationTimestamp is missing, or a type is wrong.
        """
        meta = Fields(obj).section("metadata")
        meta.time("creationTimestamp")
        return cls(
            name=meta.required_text("name"),
            uid=meta.required_text("uid"),
            creation_timestamp=meta.required_text("creationTimestamp"),
            namespace=meta.text("namespace") or "",
            generation=meta.integer("generation") or 0,
            resource_version=meta.text("resourceVersion") or "",
            deletion_timestamp=meta.time("deletionTimestamp"),
            labels=meta.text_map("labels"),
            annotations=meta.text_map("annotations"),
            finalizers=meta.texts("finalizers"),
        )


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One entry of ``status.conditions``. Types and reasons that a newer Relay writes are kept."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int = 0

    @classmethod
    def from_fields(cls, raw: Fields) -> Condition:
        status = raw.required_text("status")
        if status not in set(ConditionStatus):
            raise MalformedObjectError(f"{raw.path('status')} is not True, False or Unknown")
        return cls(
            type=raw.required_text("type"),
            status=ConditionStatus(status),
            reason=raw.text("reason") or "",
            message=raw.text("message") or "",
            last_transition_time=raw.time("lastTransitionTime"),
            observed_generation=raw.integer("observedGeneration") or 0,
        )

    def to_object(self) -> dict[str, object]:
        """The entry as JSON, ready for a status patch."""
        written: dict[str, object] = {
            "type": self.type,
            "status": self.status.value,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
        }
        if self.last_transition_time is not None:
            written["lastTransitionTime"] = format_time(self.last_transition_time)
        return written
