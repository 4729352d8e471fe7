"""Lost pods, on a real API server."""

from __future__ import annotations

import time

from api.operator.conftest import Stage, eventually


async def test_a_deleted_pod_is_replaced_while_it_still_says_goodbye(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    first = await stage.until("room", "Assigned")
    stage.kubelet.confirms = False
    begun = time.monotonic()
    await stage.cluster.delete(stage.kubelet.pods_path("room"))
    await eventually(lambda: stage.hall("room"), _serves("room-1"))
    assert time.monotonic() - begun < 3
    status = (await stage.until("room", "Assigned"))["status"]
    assert status["podRestarts"] == 1
    assert status["lastPodFailure"]["reason"] == "Deleted"
    assert status["endpoint"] != first["status"]["endpoint"]
    assert status["readyAt"] == first["status"]["readyAt"]


async def test_a_pod_killed_for_its_memory_is_replaced_with_the_reason_kept(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")
    await stage.kubelet.fail("room", reason="OOMKilled", code=137)
    hall = await eventually(lambda: stage.hall("room"), _serves("room-1"))
    failure = hall["status"]["lastPodFailure"]
    assert failure["reason"] == "OOMKilled"
    assert failure["podName"] == "room"
    assert failure["nodeName"] == stage.kubelet.name
    await eventually(stage.pods, lambda pods: [p["metadata"]["name"] for p in pods] == ["room-1"])


async def test_an_evicted_pod_is_replaced_with_the_reason_kept(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "room", "namespace": stage.namespace},
    }
    await stage.cluster.create(stage.kubelet.pods_path("room") + "/eviction", eviction)
    hall = await eventually(lambda: stage.hall("room"), _serves("room-1"))
    assert hall["status"]["lastPodFailure"]["reason"] == "Evicted"


async def test_a_pod_that_falls_silent_is_replaced_within_fifteen_seconds(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    pod = stage.media_of(hall)
    begun = time.monotonic()
    pod.silent = True  # its process stands still: connections are accepted, and nothing comes
    hall = await eventually(lambda: stage.hall("room"), _serves("room-1"))
    assert time.monotonic() - begun < 15
    assert hall["status"]["lastPodFailure"]["reason"] == "NodeLost"


async def test_a_pod_that_crashes_again_and_again_is_tried_ever_more_slowly(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    for number in range(5):
        name = "room" if number == 0 else f"room-{number}"
        await eventually(lambda: _started(stage), lambda names, name=name: name in names)
        await stage.kubelet.fail(name, reason="Error", code=1)
    hall = await eventually(
        lambda: stage.hall("room"), lambda h: h["status"].get("podRestarts") == 5
    )
    ready = next(c for c in hall["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodLost")
    assert "too many in a row" in ready["message"]
    begun = time.monotonic()
    await eventually(lambda: _started(stage), lambda names: "room-5" in names)
    assert time.monotonic() - begun > 2


async def test_pods_lost_while_the_operator_is_down_are_replaced_when_it_is_back(
    stage: Stage,
) -> None:
    await stage.start()
    for name in ("one", "two"):
        await stage.apply(name)
        await stage.until(name, "Assigned")
    await stage.stop(kill=True)
    await stage.cluster.delete(stage.kubelet.pods_path("one"))
    await stage.kubelet.fail("two", reason="OOMKilled", code=137)
    await eventually(stage.pods, lambda pods: len(pods) == 1)
    await stage.start()
    one = await eventually(lambda: stage.hall("one"), _serves("one-1"))
    two = await eventually(lambda: stage.hall("two"), _serves("two-1"))
    assert one["status"]["lastPodFailure"]["reason"] == "Deleted"
    assert two["status"]["lastPodFailure"]["reason"] == "OOMKilled"


async def _started(stage: Stage) -> list[str]:
    return stage.kubelet.started


def _serves(pod: str):  # type: ignore[no-untyped-def]
    def holds(hall: dict[str, object]) -> bool:
        status = hall.get("status") or {}
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        return status.get("podName") == pod and conditions["Ready"]["reason"] == "Assigned"

    return holds
