"""A small model of a cluster to run the reconciler in: an API server, nodes, pods and time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from relay_crds import format_time
from relay_operator.control.answers import PodAnswer
from relay_operator.control.client import PodAddress
from relay_operator.errors import KeyRefusedError, PodConflictError, PodUnreachableError
from relay_operator.plan import Assignment, PodState
from unit.operator.api_server import ApiServer, Inside


class World(ApiServer):
    """The API server, and around it the people, the kubelets and what runs in the pods."""

    # What the operator calls in a pod

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

    # What people and kubelets do

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

    def _inside(self, pod: PodAddress) -> Inside:
        inside = self.insides.get(pod.pod_uid)
        if inside is None or not inside.reachable:
            raise PodUnreachableError("nobody answers")
        if not inside.knows_key:
            raise KeyRefusedError("another key")
        return inside


def later(world: World, seconds: float) -> None:
    world.now += timedelta(seconds=seconds)
