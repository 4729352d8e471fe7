"""What plans are carried out on: the API server, media pods and Events, as protocols."""

from __future__ import annotations

from typing import Any, Protocol

from relay_crds import Hall
from relay_operator.control.answers import PodAnswer
from relay_operator.control.client import PodAddress
from relay_operator.plan import Assignment, EmitEvent


class Cluster(Protocol):
    """What is asked of the API server; ``KubeApi`` says what each call raises."""

    async def create_pod(self, pod: dict[str, Any]) -> dict[str, Any]: ...

    async def get_pod(self, namespace: str, name: str) -> dict[str, Any]: ...

    async def delete_pod(
        self, namespace: str, name: str, *, uid: str, grace: int | None = None
    ) -> dict[str, Any]: ...

    async def get_hall(self, namespace: str, name: str) -> dict[str, Any]: ...

    async def patch_hall(
        self, namespace: str, name: str, patch: dict[str, Any]
    ) -> dict[str, Any]: ...

    async def patch_hall_status(
        self, namespace: str, name: str, patch: dict[str, Any]
    ) -> dict[str, Any]: ...

    async def delete_hall(self, namespace: str, name: str, *, uid: str, version: str) -> None: ...


class PodControl(Protocol):
    """What is asked of media pods; ``PodClient`` says what each call raises."""

    async def assign(self, pod: PodAddress, assignment: Assignment) -> PodAnswer: ...

    async def close(self, pod: PodAddress, reason: str) -> None: ...


class EventRecorder(Protocol):
    """Where Events go."""

    def emit(self, hall: Hall, event: EmitEvent) -> None: ...
