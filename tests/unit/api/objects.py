"""Hall objects as an API server would serve them."""

from __future__ import annotations

from typing import Any

from relay_crds import Hall

CREATED = "2026-01-31T12:00:00Z"


def hall_object(
    name: str = "standup",
    *,
    uid: str = "uid-1",
    version: int = 1,
    namespace: str = "a",
    created: str = CREATED,
    annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    deleted: str | None = None,
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": created,
        "annotations": annotations or {},
    }
    if deleted:
        meta["deletionTimestamp"] = deleted
    return {"metadata": meta, "spec": spec or {}, "status": status or {}}


def hall(**what: Any) -> Hall:
    return Hall.from_object(hall_object(**what))


def hibernated(since: str) -> dict[str, Any]:
    """As the operator writes it: Ready stays as it was, only the pod is out of reach."""
    reachable = {
        "type": "MediaReachable",
        "status": "False",
        "reason": "Hibernated",
        "message": "",
        "lastTransitionTime": since,
    }
    return {"conditions": [*ready("Hibernated", status="True")["conditions"], reachable]}


def ready(reason: str, *, status: str = "False", since: str = CREATED) -> dict[str, Any]:
    return {
        "conditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": "",
                "lastTransitionTime": since,
            }
        ]
    }
