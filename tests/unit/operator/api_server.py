"""A small model of an API server, with the rules that the operator leans on.

These are: resource versions, UIDs, finalizers, graceful deletion, names that are taken, garbage
collection by owner. Writes may be refused, their answers lost, and the process may end behind any
of them.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from relay_crds import format_time
from relay_operator.errors import AlreadyExistsError, ConflictError, GoneError, UnavailableError
from relay_operator.plan import PodState

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class ProcessEnded(BaseException):
    """The operator's process ends here: no handler of it may run on."""


@dataclass(kw_only=True)
class Inside:
    """What runs in a pod."""

    hall_uid: str | None = None
    state: PodState = PodState.IDLE
    participants: int = 0
    empty_since: datetime | None = None
    reachable: bool = True
    knows_key: bool = True


@dataclass(kw_only=True)
class ApiServer:
    """The cluster's objects. ``trouble``: the share of writes that go wrong in one of three ways.

    ``ends_after``: the process ends behind this many writes.
    """

    random: random.Random
    trouble: float = 0.0
    ends_after: int | None = None
    now: datetime = START
    version: int = 10
    serial: int = 0
    writes: int = 0
    halls: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    insides: dict[str, Inside] = field(default_factory=dict)
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    # What the operator calls

    async def create_pod(self, pod: dict[str, Any]) -> dict[str, Any]:
        self._before("create")
        name = pod["metadata"]["name"]
        if name in self.pods:
            raise AlreadyExistsError(name)
        made = copy.deepcopy(pod)
        uid = self._uid()
        made["metadata"] |= {"uid": uid, "creationTimestamp": format_time(self.now)}
        made["status"] = {"phase": "Pending"}
        self.pods[name] = made
        self.insides[uid] = Inside()
        self._touch("pods", "ADDED", made)
        return self._after(f"create {name}", made)

    async def get_pod(self, namespace: str, name: str) -> dict[str, Any]:
        if name not in self.pods:
            raise GoneError(name)
        return copy.deepcopy(self.pods[name])

    async def delete_pod(
        self, namespace: str, name: str, *, uid: str, grace: int | None = None
    ) -> dict[str, Any]:
        self._before("delete")
        pod = self.pods.get(name)
        if pod is None or pod["metadata"]["uid"] != uid:
            raise GoneError(name)
        self.terminate(name)
        if grace == 0:
            self.remove_pod(name)
        return self._after(f"delete {name}", pod | {"kind": "Pod"})

    async def get_hall(self, namespace: str, name: str) -> dict[str, Any]:
        if name not in self.halls:
            raise GoneError(name)
        return copy.deepcopy(self.halls[name])

    async def patch_hall(self, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        self._before("patch")
        hall = self.halls.get(name)
        if hall is None:
            raise GoneError(name)
        meta = hall["metadata"]
        if (
            patch["metadata"].get("resourceVersion", meta["resourceVersion"])
            != (meta["resourceVersion"])
        ):
            raise ConflictError(name)
        meta["finalizers"] = list(patch["metadata"]["finalizers"])
        self._touch("halls", "MODIFIED", hall)
        self._collect(name)
        return self._after(f"finalizers of {name}", hall)

    async def patch_hall_status(
        self, namespace: str, name: str, patch: dict[str, Any]
    ) -> dict[str, Any]:
        self._before("status")
        hall = self.halls.get(name)
        if hall is None:
            raise GoneError(name)
        if patch["metadata"]["uid"] != hall["metadata"]["uid"]:
            raise ConflictError(name)
        _merge(hall.setdefault("status", {}), patch["status"])
        self._touch("halls", "MODIFIED", hall)
        return self._after(f"status of {name}: {_ready(hall)}", hall)

    async def delete_hall(self, namespace: str, name: str, *, uid: str, version: str) -> None:
        self._before("delete hall")
        hall = self.halls.get(name)
        if hall is None or hall["metadata"]["uid"] != uid:
            raise GoneError(name)
        if hall["metadata"]["resourceVersion"] != version:
            raise ConflictError(name)
        self.delete(name)
        self._after(f"delete hall {name}", {})

    # What others ask of it as well

    def delete(self, name: str) -> None:
        hall = self.halls.get(name)
        if hall is not None:
            hall["metadata"].setdefault("deletionTimestamp", format_time(self.now))
            self._touch("halls", "MODIFIED", hall)
            self._collect(name)

    def terminate(self, name: str) -> None:
        pod = self.pods[name]
        pod["metadata"].setdefault("deletionTimestamp", format_time(self.now))
        self._touch("pods", "MODIFIED", pod)

    def remove_pod(self, name: str) -> None:
        pod = self.pods.pop(name)
        del self.insides[pod["metadata"]["uid"]]
        self._touch("pods", "DELETED", pod)

    def serving(self, hall: dict[str, Any]) -> list[str]:
        """Pods that would let participants of this Hall in."""
        found = []
        for name, pod in self.pods.items():
            inside = self.insides[pod["metadata"]["uid"]]
            assigned = inside.hall_uid == hall["metadata"]["uid"]
            alive = inside.reachable and "deletionTimestamp" not in pod["metadata"]
            if assigned and alive and inside.state is PodState.ASSIGNED:
                found.append(name)
        return found

    def check(self) -> None:
        for hall in self.halls.values():
            assert len(self.serving(hall)) <= 1, (self.serving(hall), self.history)

    # Its own ways

    def _before(self, what: str) -> None:
        self.writes += 1
        if self.random.random() < self.trouble / 3:
            raise UnavailableError(f"{what} refused")

    def _after(self, what: str, obj: dict[str, Any]) -> dict[str, Any]:
        self.history.append(what)
        self.check()
        if self.ends_after is not None:
            self.ends_after -= 1
            if self.ends_after == 0:
                raise ProcessEnded
        chance = self.random.random()
        if chance < self.trouble / 3:
            raise UnavailableError(f"the answer to {what} was lost")
        if chance < 2 * self.trouble / 3:
            self.history.append("the process ends")
            raise ProcessEnded
        return copy.deepcopy(obj)

    def _touch(self, plural: str, kind: str, obj: dict[str, Any]) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((plural, kind, copy.deepcopy(obj)))

    def _collect(self, name: str) -> None:
        meta = self.halls[name]["metadata"]
        if "deletionTimestamp" in meta and not meta["finalizers"]:
            hall = self.halls.pop(name)
            self._touch("halls", "DELETED", hall)
            for pod, obj in list(self.pods.items()):
                if obj["metadata"]["ownerReferences"][0]["uid"] == meta["uid"]:
                    self.terminate(pod)

    def _uid(self) -> str:
        self.serial += 1
        return f"uid-{self.serial}"


def _ready(hall: dict[str, Any]) -> str:
    conditions = hall.get("status", {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == "Ready"), "")


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(name, {}), value)
        else:
            target[name] = copy.deepcopy(value)
