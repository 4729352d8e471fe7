"""A small model of a cluster to run the reconciler in: an API server, nodes, pods and a watch.

Only the API's rules that the operator leans on are here: resource versions, UIDs, finalizers,
graceful deletion, names that are taken, garbage collection by owner. Writes may be refused, their
answers lost, and the process may end behind any of them; watch events may come late or never.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from relay_crds import Hall, format_time
from relay_operator.apply import Applier
from relay_operator.cluster.state import ClusterState, HallKey, key_of
from relay_operator.control.answers import EventsPage, PodAnswer
from relay_operator.control.client import PodAddress
from relay_operator.control.reports import Reports
from relay_operator.errors import (
    AlreadyExistsError,
    ConflictError,
    GoneError,
    PodConflictError,
    PodUnreachableError,
    UnavailableError,
)
from relay_operator.expectations import Expectations
from relay_operator.plan import Assignment, EmitEvent, Limits, PodState
from relay_operator.pod_template import PodInputs
from relay_operator.reconcile import Reconciler, Surroundings
from relay_operator.workqueue import WorkQueue

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLASS = {
    "metadata": {
        "name": "default",
        "uid": "class",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "resourceVersion": "1",
    },
    "spec": {"image": "media"},
}
PLAN = {
    "metadata": CLASS["metadata"] | {"name": "free", "uid": "plan"},
    "spec": {"maxParticipants": 10},
}


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


@dataclass(kw_only=True)
class World:
    """The cluster. ``trouble``: the share of writes that go wrong in one of three ways.

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

    async def assign(self, pod: PodAddress, assignment: Assignment) -> PodAnswer:
        inside = self._inside(pod)
        if inside.hall_uid not in {None, assignment.hall_uid}:
            raise PodConflictError("taken")
        if inside.hall_uid is None:
            inside.hall_uid = assignment.hall_uid
            inside.state = PodState.ASSIGNED
            inside.empty_since = self.now
            self.history.append(f"assign {pod.ip}")
            self.check()
        return PodAnswer(
            pod_uid=pod.pod_uid,
            hall_uid=inside.hall_uid,
            state=inside.state,
            participants=inside.participants,
            empty_since=inside.empty_since,
        )

    async def close(self, pod: PodAddress, reason: str) -> None:
        inside = self._inside(pod)
        inside.state, inside.participants = PodState.CLOSED, 0

    # What people, kubelets and time do

    def apply(self, name: str, **spec: Any) -> None:
        if name in self.halls:
            return
        self.halls[name] = {
            "metadata": {
                "name": name,
                "namespace": "tenant",
                "uid": self._uid(),
                "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "generation": 1,
                "finalizers": [],
                "annotations": {},
            },
            "spec": spec,
        }
        self._touch("halls", "ADDED", self.halls[name])

    def change(self, name: str, **spec: Any) -> None:
        hall = self.halls.get(name)
        if hall is not None:
            hall["spec"] |= spec
            hall["metadata"]["generation"] += 1
            self._touch("halls", "MODIFIED", hall)

    def wake(self, name: str) -> None:
        hall = self.halls.get(name)
        if hall is not None:
            key = "relay.dev/wake-requested-at"
            hall["metadata"]["annotations"][key] = format_time(self.now)
            self._touch("halls", "MODIFIED", hall)

    def delete(self, name: str) -> None:
        hall = self.halls.get(name)
        if hall is not None:
            hall["metadata"].setdefault("deletionTimestamp", format_time(self.now))
            self._touch("halls", "MODIFIED", hall)
            self._collect(name)

    def run(self, name: str) -> None:
        pod = self.pods[name]
        if "podIP" not in pod["status"] and "deletionTimestamp" not in pod["metadata"]:
            pod["spec"]["nodeName"] = "node"
            pod["status"] = {
                "phase": "Running",
                "podIP": pod["metadata"]["uid"],
                "containerStatuses": [{"state": {"running": {}}}],
            }
            self._touch("pods", "MODIFIED", pod)

    def fail(self, name: str, reason: str) -> None:
        pod = self.pods[name]
        ended = {"terminated": {"reason": reason, "exitCode": 1}}
        pod["status"] |= {"phase": "Failed", "containerStatuses": [{"state": ended}]}
        self.insides[pod["metadata"]["uid"]].reachable = False
        self._touch("pods", "MODIFIED", pod)

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

    # The API server's own ways

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

    def _inside(self, pod: PodAddress) -> Inside:
        inside = self.insides.get(pod.pod_uid)
        if inside is None or not inside.reachable:
            raise PodUnreachableError("nobody answers")
        return inside


class Silence:
    """Events and pulls that nobody needs here."""

    def emit(self, hall: Hall, event: EmitEvent) -> None: ...

    def follow(self, key: HallKey, pod: PodAddress | None) -> None: ...


class Process:
    """One life of the operator: everything that a real one forgets when it ends."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.passes = 0
        self.queue: WorkQueue[HallKey] = WorkQueue(clock=self._monotonic)
        self.state = ClusterState(self.queue.add)
        self.reports = Reports(clock=lambda: world.now)
        expectations = Expectations(clock=self._monotonic)
        silence = Silence()
        applier = Applier(
            cluster=world,
            pods=world,
            state=self.state,
            reports=self.reports,
            expectations=expectations,
            recorder=silence,
            inputs=PodInputs(operator_public_key="o", gateway_public_key="g"),
            clock=lambda: world.now,
        )
        self.reconciler = Reconciler(
            cluster=world,
            applier=applier,
            state=self.state,
            reports=self.reports,
            expectations=expectations,
            follower=silence,
            queue=self.queue,
            limits=Limits(),
            surroundings=Surroundings(),
            clock=lambda: world.now,
        )
        self.resync()

    def resync(self) -> None:
        """What ``Resync.once`` does with lists."""
        world, state = self.world, self.state
        state.put_class(CLASS)
        state.put_plan(PLAN)
        for obj in list(world.halls.values()):
            state.put_hall(copy.deepcopy(obj))
        for uid in state.halls.ghosts(world.halls.values(), world.version):
            state.remove_hall(uid)
        for obj in list(world.pods.values()):
            state.put_pod(copy.deepcopy(obj))
        for uid in state.pods.ghosts(world.pods.values(), world.version):
            state.remove_pod(uid)

    def see(self, plural: str, kind: str, obj: dict[str, Any]) -> None:
        put, remove = {
            "halls": (self.state.put_hall, self.state.remove_hall),
            "pods": (self.state.put_pod, self.state.remove_pod),
        }[plural]
        if kind == "DELETED":
            remove(obj["metadata"]["uid"])
        else:
            put(obj)

    def pull(self) -> None:
        """What the puller does: take in counts, notice silence."""
        for pod in self.state.pods:
            inside = self.world.insides.get(pod.uid)
            hall = self.state.halls.get(pod.hall_uid)
            if hall is None or self.reports.get(pod.uid).state is not PodState.ASSIGNED:
                continue
            if inside is None or not inside.reachable:
                self.reports.failed(pod.uid)
                self.queue.add(key_of(hall))
                continue
            page = EventsPage(
                pod_uid=pod.uid,
                sequence=1,
                types=(),
                participants=inside.participants,
                empty_since=inside.empty_since,
                gap=False,
            )
            if self.reports.heard(page):
                self.queue.add(key_of(hall))

    async def work(self, *, limit: int = 500) -> None:
        """Work on everything that is ready now."""
        for _ in range(limit):
            if self.queue.next_in() != 0.0:
                return
            key = await self.queue.get()
            self.passes += 1
            try:
                await self.reconciler.handle(key)
            finally:
                self.queue.done(key)
        raise AssertionError(f"a hot loop: {self.world.history[-20:]}")

    def _monotonic(self) -> float:
        return (self.world.now - START).total_seconds()


def later(world: World, seconds: float) -> None:
    world.now += timedelta(seconds=seconds)


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
