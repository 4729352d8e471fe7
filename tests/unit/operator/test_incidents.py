"""One test for each thing that went wrong once, or was seen to be about to."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from aiohttp import web

from relay_crds.names import FINALIZER, ConditionType
from relay_operator.apply import Applier
from relay_operator.cluster.access import Connection
from relay_operator.cluster.api import KubeApi
from relay_operator.cluster.state import ClusterState
from relay_operator.control.reports import Reports
from relay_operator.errors import (
    GoneError,
    RejectedError,
    UnavailableError,
)
from relay_operator.expectations import Expectations
from relay_operator.memory import HallMemory
from relay_operator.plan import PodReport, RemoveFinalizer, plan
from relay_operator.pod_template import PodInputs
from unit.operator.cases import (
    FAILED,
    NOW,
    ago,
    fresh_pod,
    kinds,
    pod,
    report,
    seen,
    served,
    silent,
    started,
    status_of,
)
from unit.operator.one_answer import answering
from unit.operator.process import Process, Silence
from unit.operator.world import World

CRDS: Final = Path(__file__).parents[3] / "crds"


class Patched:
    """An API server that takes every patch of a Hall."""

    def __init__(self) -> None:
        self.patches: list[dict[str, Any]] = []

    async def patch_hall(self, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        self.patches.append(patch)
        return {"metadata": {"deletionTimestamp": "x"}}


def _hall_object(*, version: str, finalizers: list[str]) -> dict[str, Any]:
    meta = {
        "name": "room",
        "namespace": "tenant",
        "uid": "hall-uid",
        "creationTimestamp": "2026-01-31T11:59:58Z",
        "resourceVersion": version,
        "finalizers": finalizers,
    }
    return {"metadata": meta, "spec": {}, "status": {}}


async def test_a_finalizer_that_somebody_added_meanwhile_is_not_taken_away() -> None:
    cluster, state = Patched(), ClusterState(lambda key: None)
    applier = Applier(
        cluster=cluster,  # type: ignore[arg-type]
        pods=None,  # type: ignore[arg-type]
        state=state,
        reports=Reports(clock=lambda: NOW),
        expectations=Expectations(clock=lambda: 0.0),
        recorder=Silence(),
        inputs=PodInputs(operator_public_key="o", gateway_public_key="g"),
        clock=lambda: NOW,
    )
    state.put_hall(_hall_object(version="7", finalizers=[FINALIZER]))
    planned_for = state.halls.get("hall-uid")
    assert planned_for is not None
    state.put_hall(_hall_object(version="9", finalizers=["foregroundDeletion", FINALIZER]))
    await applier.apply(planned_for, [RemoveFinalizer()], HallMemory())
    (patch,) = cluster.patches
    assert patch["metadata"] == {"finalizers": ["foregroundDeletion"], "resourceVersion": "9"}


def _failure_limits() -> dict[str, int]:
    version = yaml.safe_load((CRDS / "hall.yaml").read_text())["spec"]["versions"][0]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    failure = status["lastPodFailure"]["properties"]
    limits = {name: failure[name]["maxLength"] for name in ("reason", "message")}
    condition = status["conditions"]["items"]["properties"]["message"]["maxLength"]
    return limits | {"condition": condition}


def test_last_words_longer_than_the_status_takes_do_not_wedge_the_hall() -> None:
    """A container may leave 4096 bytes: the patch was refused on every pass."""
    ended = pod(**FAILED, terminated_reason="Error" * 100, terminated_message="x" * 4096)
    before, limits = served(), _failure_limits()
    status = status_of(plan(before, seen(ended), NOW), before)
    failure = status.last_pod_failure
    assert failure is not None
    assert failure.message is not None
    assert len(failure.message) == limits["message"]
    assert len(failure.reason) == limits["reason"]
    after = replace(before, status=status)
    assert kinds(plan(after, seen(fresh_pod(1)), NOW)) == [], "said twice, in two lengths"


def test_a_condition_says_no_more_than_the_status_takes() -> None:
    before, limit = started(), _failure_limits()["condition"]
    stuck = pod(
        phase="Pending", waiting_reason="ErrImagePull", waiting_message="x" * 2 * limit, ready=False
    )
    ready = status_of(plan(before, seen(stuck), NOW), before).condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == "ImagePullFailed"
    assert len(ready.message) == limit


class Anonymous:
    """Access to a server on this machine that asks for nothing."""

    def __init__(self, server: str) -> None:
        self._connection = Connection(server=server)

    async def connection(self, *, fresh: bool = False) -> Connection:
        return self._connection

    async def headers(self) -> dict[str, str]:
        return {}


async def _get_hall(status: int, body: bytes) -> object:
    made = partial(
        web.Response,
        status=status,
        body=body,
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    async with answering(made) as port:
        api = KubeApi(Anonymous(f"http://127.0.0.1:{port}"))  # type: ignore[arg-type]
        await api.open()
        try:
            return await api.get_hall("tenant", "room")
        finally:
            await api.close()


@pytest.mark.parametrize("status", [200, 403, 404, 409, 422, 500])
@pytest.mark.parametrize(
    "body", [b"\x1f\x8b\x08garbled\xff", b"<html>", b"", b"[]", b"null", b"[" * 100_000]
)
async def test_an_answer_that_is_no_object_is_an_outage_and_ends_no_process(
    status: int, body: bytes
) -> None:
    """It ended the operator: the error was of no kind that anybody expected."""
    with pytest.raises(UnavailableError):
        await _get_hall(status, body)


async def test_what_the_api_server_itself_refuses_is_still_told_apart() -> None:
    body = b'{"kind": "Status", "reason": "NotFound", "message": "no such hall"}'
    with pytest.raises(GoneError, match="no such hall"):
        await _get_hall(404, body)


async def test_a_refused_write_is_planned_anew_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(random=random.Random(1))
    process = Process(world)
    world.halls["room"] = _hall_object(version="7", finalizers=[])
    process.resync()
    key = ("tenant", "room")

    async def refused(_: object) -> None:
        world.halls["room"] = _hall_object(version="9", finalizers=[])
        raise RejectedError("status.eventCursor.sequence: Required value", code=422)

    monkeypatch.setattr(process.reconciler, "reconcile", refused)
    assert await process.reconciler.handle(key) == "permanent"
    found = process.state.hall(key)
    assert found is not None
    assert found.meta.resource_version == "9"


def test_a_new_process_takes_no_address_from_a_pod_that_it_has_not_asked_yet() -> None:
    """Where the process before had called the pod silent, the next one took its address away."""
    before = served()
    lost = status_of(plan(before, seen(pod(), reports=[silent(3)]), NOW), before)
    actions = plan(replace(before, status=lost), seen(pod()), NOW)
    assert kinds(actions) == ["AssignPod"]


def test_a_pod_out_of_a_new_operators_reach_is_not_given_up_at_once() -> None:
    """After an upgrade the operator has another address, which a policy may admit late."""
    never = PodReport(pod_uid="pod-0", first_tried_at=ago(5), failing_since=ago(5))
    assert "CreatePod" not in kinds(plan(served(), seen(pod(), reports=[never]), NOW))
    # The kubelet's own word, and a pod that did answer before, are another matter.
    assert "CreatePod" in kinds(plan(served(), seen(pod(ready=False), reports=[never]), NOW))
    answered = report(pod(), failing_since=ago(5))
    assert "CreatePod" in kinds(plan(served(), seen(pod(), reports=[answered]), NOW))
