"""What Prometheus is told. No hall, pod or namespace is ever a label: series stay few."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_START_SECONDS: Final = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 30.0, 60.0, 120.0)

API_REQUESTS: Final = Counter(
    "relay_operator_api_requests_total",
    "Requests to the API server, without the informer's watches.",
    ["verb", "resource", "code"],
    registry=REGISTRY,
)
CONTROL_REQUESTS: Final = Counter(
    "relay_operator_control_requests_total",
    "Requests to media pods' control ports.",
    ["call", "outcome"],
    registry=REGISTRY,
)
RECONCILES: Final = Counter(
    "relay_operator_reconciles_total",
    "Passes over a Hall, by how they ended.",
    ["outcome"],
    registry=REGISTRY,
)
RECONCILE_SECONDS: Final = Histogram(
    "relay_operator_reconcile_seconds",
    "Duration of a pass over a Hall.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
QUEUE_DEPTH: Final = Gauge(
    "relay_operator_queue_depth", "Halls that wait for a worker.", registry=REGISTRY
)
HALLS_BY_REASON: Final = Gauge(
    "relay_operator_halls",
    "Halls by the reason of their Ready condition.",
    ["reason"],
    registry=REGISTRY,
)
PARTICIPANTS: Final = Gauge(
    "relay_operator_participants", "Participants in all halls, as pods report.", registry=REGISTRY
)
READY_SECONDS: Final = Histogram(
    "relay_operator_hall_ready_seconds",
    "From a Hall's creation to its first Ready.",
    buckets=_START_SECONDS,
    registry=REGISTRY,
)
PODS_LOST: Final = Counter(
    "relay_operator_pods_lost_total",
    "Media pods that ended before their hall did.",
    ["reason"],
    registry=REGISTRY,
)
POD_EVENTS: Final = Counter(
    "relay_operator_pod_events_total",
    "Events read from media pods.",
    ["type"],
    registry=REGISTRY,
)
EVENT_GAPS: Final = Counter(
    "relay_operator_pod_event_gaps_total",
    "Times that a pod had forgotten events before they were read.",
    registry=REGISTRY,
)
GHOSTS: Final = Counter(
    "relay_operator_resync_ghosts_total",
    "Objects that a full list showed to be gone without a watch event.",
    registry=REGISTRY,
)
INFORMER_RESTARTS: Final = Counter(
    "relay_operator_informer_restarts_total",
    "Times that the informer ended and was started again.",
    registry=REGISTRY,
)
RESYNC_SECONDS: Final = Gauge(
    "relay_operator_resync_seconds", "Duration of the last full list.", registry=REGISTRY
)

KNOWN_EVENTS: Final = frozenset(
    {
        "hall.assigned",
        "hall.closed",
        "participant.joined",
        "participant.left",
        "participant.rejected",
        "track.published",
        "track.unpublished",
    }
)
