"""Every name that two parts of Relay must spell alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

GROUP: Final = "relay.dev"
VERSION: Final = "v1beta1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

HALLS: Final = "halls"
HALL_CLASSES: Final = "hallclasses"
ACCOUNTS: Final = "accounts"
PLANS: Final = "plans"

DEFAULT_CLASS: Final = "default"
DEFAULT_ACCOUNT: Final = "default"
DEFAULT_PLAN: Final = "free"

HALL_NAME_MAX: Final = 52
"""Pods are named ``<hall>-<incarnation>``: 52 leaves ten digits and the hyphen within 63."""
METADATA_MAX_BYTES: Final = 16 * 1024
"""Largest ``Hall.spec.metadata``, as compact JSON in UTF-8."""

FINALIZER: Final = f"{GROUP}/close"

MEDIA_PORT: Final = 7882
SIGNALLING_PORT: Final = 7880
CONTROL_PORT: Final = 7881


class Annotation(StrEnum):
    """Annotations on a Hall."""

    CLOSE_REQUESTED_AT = f"{GROUP}/close-requested-at"
    """Set by REST ``DELETE``; RFC 3339 with milliseconds; becomes ``status.closedAt``."""
    WAKE_REQUESTED_AT = f"{GROUP}/wake-requested-at"
    """Set by the gateway on a join to a hibernated hall; newer than the hibernation wakes it."""
    PAUSED = f"{GROUP}/paused"
    """``"true"``: the operator leaves the Hall alone."""


class Label(StrEnum):
    """Labels on a media pod."""

    HALL_UID = f"{GROUP}/hall-uid"
    HALL = f"{GROUP}/hall"
    NAME = "app.kubernetes.io/name"
    MANAGED_BY = "app.kubernetes.io/managed-by"


MEDIA_POD_NAME: Final = "relay-media"
"""Value of ``Label.NAME`` on a media pod."""
MEDIA_POD_MANAGER: Final = "relay-operator"
"""Value of ``Label.MANAGED_BY`` on a media pod."""


class ConditionType(StrEnum):
    READY = "Ready"
    """The summary of the others."""
    POD_SCHEDULED = "PodScheduled"
    MEDIA_REACHABLE = "MediaReachable"
    RECORDING = "Recording"
    MODERATING = "Moderating"


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ReadyReason(StrEnum):
    """Reasons of the ``Ready`` condition."""

    PENDING = "Pending"
    POD_STARTING = "PodStarting"
    POD_UNSCHEDULABLE = "PodUnschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    ASSIGNED = "Assigned"
    """The only one, with ``HIBERNATED``, that goes with status ``True``."""
    HIBERNATED = "Hibernated"
    """No pod, but a join wakes the hall."""
    MEDIA_UNREACHABLE = "MediaUnreachable"
    POD_LOST = "PodLost"
    CLOSING = "Closing"
    CLOSED = "Closed"
    CLASS_NOT_FOUND = "ClassNotFound"
    PLAN_NOT_FOUND = "PlanNotFound"
    POD_REJECTED = "PodRejected"
    STORAGE_NOT_CONFIGURED = "StorageNotConfigured"
    PLAN_REQUIRED = "PlanRequired"
    METADATA_TOO_LARGE = "MetadataTooLarge"


class DesiredState(StrEnum):
    OPEN = "Open"
    CLOSED = "Closed"


class IdlePolicy(StrEnum):
    """What becomes of a hall that nobody has been in for ``idleTimeoutSeconds``."""

    HIBERNATE = "Hibernate"
    KEEP = "Keep"
    CLOSE = "Close"


class ClosedReason(StrEnum):
    DELETED = "Deleted"
    IDLE = "Idle"
    MAX_DURATION = "MaxDuration"


class Codec(StrEnum):
    OPUS = "opus"
    VP8 = "VP8"
    H264 = "H264"


class PullPolicy(StrEnum):
    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"
