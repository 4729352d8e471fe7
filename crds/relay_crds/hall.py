"""``Hall``: one video room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from relay_crds import ids
from relay_crds.errors import MalformedObjectError, MalformedTimeError
from relay_crds.fields import Fields
from relay_crds.meta import Condition, ObjectMeta
from relay_crds.names import (
    DEFAULT_CLASS,
    METADATA_MAX_BYTES,
    Annotation,
    ConditionType,
    DesiredState,
    IdlePolicy,
)
from relay_crds.times import format_time, parse_time

DEFAULT_MAX_PARTICIPANTS: Final = 50
DEFAULT_IDLE_TIMEOUT_SECONDS: Final = 300


def metadata_size(metadata: Mapping[str, object]) -> int:
    """Bytes of the metadata as compact JSON in UTF-8: what ``METADATA_MAX_BYTES`` limits."""
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, kw_only=True)
class HallSpec:
    """What the owner wants. Defaults are the CRD's."""

    display_name: str | None = None
    max_participants: int = DEFAULT_MAX_PARTICIPANTS
    record: bool = False
    moderation: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)
    class_name: str = DEFAULT_CLASS
    desired_state: DesiredState = DesiredState.OPEN
    idle_policy: IdlePolicy = IdlePolicy.HIBERNATE
    idle_timeout_seconds: int = DEFAULT_IDLE_TIMEOUT_SECONDS
    max_duration_seconds: int | None = None

    @classmethod
    def from_fields(cls, raw: Fields) -> HallSpec:
        return cls(
            display_name=raw.text("displayName"),
            max_participants=_integer(raw, "maxParticipants", DEFAULT_MAX_PARTICIPANTS),
            record=raw.flag("record"),
            moderation=raw.flag("moderation"),
            metadata=raw.raw_map("metadata"),
            class_name=raw.text("className") or DEFAULT_CLASS,
            desired_state=_desired_state(raw),
            idle_policy=_idle_policy(raw),
            idle_timeout_seconds=_integer(raw, "idleTimeoutSeconds", DEFAULT_IDLE_TIMEOUT_SECONDS),
            max_duration_seconds=raw.integer("maxDurationSeconds"),
        )

    @property
    def metadata_too_large(self) -> bool:
        return metadata_size(self.metadata) > METADATA_MAX_BYTES


@dataclass(frozen=True, kw_only=True)
class PodFailure:
    """Why the last media pod ended before its hall did."""

    pod_name: str
    reason: str
    at: datetime | None = None
    node_name: str | None = None
    message: str | None = None

    @classmethod
    def from_fields(cls, raw: Fields) -> PodFailure:
        return cls(
            pod_name=raw.required_text("podName"),
            reason=raw.required_text("reason"),
            at=raw.time("at"),
            node_name=raw.text("nodeName"),
            message=raw.text("message"),
        )

    def to_object(self) -> dict[str, object]:
        return _present(
            podName=self.pod_name,
            nodeName=self.node_name,
            reason=self.reason,
            message=self.message,
            at=_time(self.at),
        )


@dataclass(frozen=True, kw_only=True)
class EventCursor:
    """The last event read from a media pod; meaningless for a pod with another UID."""

    pod_uid: str
    sequence: int

    def to_object(self) -> dict[str, object]:
        return {"podUID": self.pod_uid, "sequence": self.sequence}


@dataclass(frozen=True, kw_only=True)
class HallStatus:
    """What the operator found. ``to_object`` writes times with whole milliseconds."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    max_participants: int | None = None
    participant_count: int | None = None
    pod_name: str | None = None
    pod_incarnation: int | None = None
    node_name: str | None = None
    endpoint: str | None = None
    ready_at: datetime | None = None
    closed_at: datetime | None = None
    closed_reason: str | None = None
    last_pod_failure: PodFailure | None = None
    pod_restarts: int | None = None
    event_cursor: EventCursor | None = None

    @classmethod
    def from_fields(cls, raw: Fields) -> HallStatus:
        cursor = raw.section("eventCursor")
        failure = raw.section("lastPodFailure")
        return cls(
            observed_generation=raw.integer("observedGeneration"),
            conditions=tuple(Condition.from_fields(item) for item in raw.sections("conditions")),
            max_participants=raw.integer("maxParticipants"),
            participant_count=raw.integer("participantCount"),
            pod_name=raw.text("podName"),
            pod_incarnation=raw.integer("podIncarnation"),
            node_name=raw.text("nodeName"),
            endpoint=raw.text("endpoint"),
            ready_at=raw.time("readyAt"),
            closed_at=raw.time("closedAt"),
            closed_reason=raw.text("closedReason"),
            last_pod_failure=(
                PodFailure.from_fields(failure) if raw.has("lastPodFailure") else None
            ),
            pod_restarts=raw.integer("podRestarts"),
            event_cursor=(
                EventCursor(
                    pod_uid=cursor.required_text("podUID"),
                    sequence=_integer(cursor, "sequence", 0),
                )
                if raw.has("eventCursor")
                else None
            ),
        )

    def condition(self, kind: ConditionType | str) -> Condition | None:
        return next((found for found in self.conditions if found.type == kind), None)

    def to_object(self) -> dict[str, object]:
        """The status as JSON, without the fields that are not set."""
        failure, cursor = self.last_pod_failure, self.event_cursor
        return _present(
            observedGeneration=self.observed_generation,
            conditions=[found.to_object() for found in self.conditions] or None,
            maxParticipants=self.max_participants,
            participantCount=self.participant_count,
            podName=self.pod_name,
            podIncarnation=self.pod_incarnation,
            nodeName=self.node_name,
            endpoint=self.endpoint,
            readyAt=_time(self.ready_at),
            closedAt=_time(self.closed_at),
            closedReason=self.closed_reason,
            lastPodFailure=failure and failure.to_object(),
            podRestarts=self.pod_restarts,
            eventCursor=cursor and cursor.to_object(),
        )


@dataclass(frozen=True, kw_only=True)
class Hall:
    """One room as the API server serves it."""

    meta: ObjectMeta
    spec: HallSpec
    status: HallStatus

    @classmethod
    def from_object(cls, obj: Mapping[str, object]) -> Hall:
        """Read a Hall; unknown fields are ignored, a missing status is an empty one.

        Raises:
            MalformedObjectError: a field has a type that the CRD does not allow.
        """
        raw = Fields(obj)
        return cls(
            meta=ObjectMeta.from_object(obj),
            spec=HallSpec.from_fields(raw.section("spec")),
            status=HallStatus.from_fields(raw.section("status")),
        )

    @property
    def hall_id(self) -> str:
        return ids.hall_id_of(self.meta.name, self.meta.uid, self.meta.creation_timestamp)

    @property
    def created_at(self) -> datetime:
        return ids.created_at_of(self.meta.name, self.meta.creation_timestamp)

    @property
    def closing(self) -> bool:
        """Whether somebody asked for its end, or it has ended: no way leads back from here."""
        return (
            self.spec.desired_state is DesiredState.CLOSED
            or self.meta.deletion_timestamp is not None
            or self.closed
        )

    @property
    def closed(self) -> bool:
        """Whether the operator has finished closing it."""
        return self.status.closed_at is not None

    @property
    def paused(self) -> bool:
        return self.meta.annotations.get(Annotation.PAUSED) == "true"

    @property
    def close_requested_at(self) -> datetime | None:
        return self._annotated_time(Annotation.CLOSE_REQUESTED_AT)

    @property
    def wake_requested_at(self) -> datetime | None:
        return self._annotated_time(Annotation.WAKE_REQUESTED_AT)

    def _annotated_time(self, name: Annotation) -> datetime | None:
        # Annotations have no schema: anybody may write anything, and that must stop nothing.
        try:
            return parse_time(self.meta.annotations.get(name, ""))
        except MalformedTimeError:
            return None


def _integer(raw: Fields, name: str, default: int) -> int:
    value = raw.integer(name)
    return default if value is None else value


def _desired_state(raw: Fields) -> DesiredState:
    value = raw.text("desiredState") or DesiredState.OPEN
    if value not in set(DesiredState):
        raise MalformedObjectError(f"{raw.path('desiredState')} is not Open or Closed")
    return DesiredState(value)


def _idle_policy(raw: Fields) -> IdlePolicy:
    value = raw.text("idlePolicy") or IdlePolicy.HIBERNATE
    if value not in set(IdlePolicy):
        raise MalformedObjectError(f"{raw.path('idlePolicy')} is not Hibernate, Keep or Close")
    return IdlePolicy(value)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _present(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
