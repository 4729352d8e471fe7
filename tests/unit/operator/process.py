"""One life of the operator's process in the model; its watch events may come late or never."""

from __future__ import annotations

import copy
from typing import Any

from relay_crds import Hall
from relay_operator.apply import Applier
from relay_operator.cluster.state import ClusterState, HallKey, key_of
from relay_operator.control.answers import EventsPage
from relay_operator.control.client import PodAddress
from relay_operator.control.reports import Reports
from relay_operator.expectations import Expectations
from relay_operator.plan import EmitEvent, Limits, PodState
from relay_operator.pod_template import PodInputs
from relay_operator.reconcile import Reconciler, Surroundings
from relay_operator.workqueue import WorkQueue
from unit.operator.api_server import START
from unit.operator.world import World

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
