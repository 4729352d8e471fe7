"""How halls end, sleep and wake, on a real API server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from api.operator.conftest import Stage, eventually, reason_of
from relay_crds import format_time, parse_time


async def _in_call(stage: Stage, name: str = "room", **spec: object) -> dict[str, object]:
    await stage.apply(name, **spec)
    hall = await stage.until(name, "Assigned")
    stage.media_of(hall).tell("participant.joined", 2)
    return await eventually(
        lambda: _hall(stage, name), lambda h: h["status"].get("participantCount") == 2
    )


async def _hall(stage: Stage, name: str) -> dict[str, object]:
    found = await stage.hall(name)
    assert found is not None
    return found


async def test_a_count_shows_within_a_second(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    begun = time.monotonic()
    stage.media_of(hall).tell("participant.joined", 1)
    await eventually(lambda: _hall(stage, "room"), lambda h: h["status"]["participantCount"] == 1)
    assert time.monotonic() - begun < 1.5


async def test_a_hundred_changes_of_the_count_are_a_few_writes(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    pod = stage.media_of(hall)
    stage.proxy.seen.clear()
    for count in range(1, 101):
        pod.tell("participant.joined", count)
    final = await eventually(
        lambda: _hall(stage, "room"), lambda h: h["status"]["participantCount"] == 100
    )
    assert sum(stage.proxy.writes().values()) <= 3
    assert final["status"]["eventCursor"]["sequence"] == len(pod.events)


async def test_closing_tells_everybody_keeps_the_status_and_removes_the_pod(stage: Stage) -> None:
    await stage.start()
    hall = await _in_call(stage)
    pod = stage.media_of(hall)
    requested = format_time(datetime.now(UTC))
    begun = time.monotonic()
    await stage.cluster.patch(
        stage.path("room"),
        {
            "metadata": {"annotations": {"relay.dev/close-requested-at": requested}},
            "spec": {"desiredState": "Closed"},
        },
    )
    await eventually(lambda: _value(pod.closed_reason), lambda reason: reason == "Deleted")
    assert time.monotonic() - begun < 1.0
    status = (await stage.until("room", "Closed"))["status"]
    assert status["closedAt"] == requested
    assert status["closedReason"] == "Deleted"
    assert status["participantCount"] == 0
    assert "podName" not in status
    assert "endpoint" not in status
    await eventually(stage.pods, lambda pods: pods == [])
    left = await eventually(
        lambda: _hall(stage, "room"), lambda h: not h["metadata"].get("finalizers")
    )
    assert reason_of(left) == "Closed"


async def _value(found: object) -> object:
    return found


async def test_a_deleted_hall_tells_everybody_and_is_gone(stage: Stage) -> None:
    await stage.start()
    hall = await _in_call(stage)
    pod = stage.media_of(hall)
    begun = time.monotonic()
    await stage.cluster.delete(stage.path("room"))
    await stage.until("room", None)
    assert time.monotonic() - begun < 1.5
    assert pod.closed_reason == "Deleted"
    await eventually(stage.pods, lambda pods: pods == [])


async def test_a_pod_that_hangs_holds_its_halls_deletion_for_seconds_only(stage: Stage) -> None:
    await stage.start()
    hall = await _in_call(stage)
    stage.media_of(hall).silent = True
    begun = time.monotonic()
    await stage.cluster.delete(stage.path("room"))
    await stage.until("room", None, seconds=25)
    assert time.monotonic() - begun < 16


async def test_an_idle_hall_sleeps_and_a_join_wakes_it(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room", idleTimeoutSeconds=10)
    ready = await stage.until("room", "Assigned")
    asleep = await stage.until("room", "Hibernated", seconds=25)
    ready_condition = next(c for c in asleep["status"]["conditions"] if c["type"] == "Ready")
    assert ready_condition["status"] == "True"
    assert "endpoint" not in asleep["status"]
    await eventually(stage.pods, lambda pods: pods == [])
    begun = time.monotonic()
    await stage.cluster.patch(
        stage.path("room"),
        {"metadata": {"annotations": {
            "relay.dev/wake-requested-at": format_time(datetime.now(UTC))}}},
    )  # fmt: skip
    awake = await stage.until("room", "Assigned")
    assert time.monotonic() - begun < 5
    assert awake["status"]["podName"] == "room-1"
    assert awake["status"]["endpoint"] != ready["status"]["endpoint"]
    assert awake["status"].get("podRestarts") is None


async def test_a_hall_that_closes_when_idle_is_closed_for_it(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room", idleTimeoutSeconds=10, idlePolicy="Close")
    status = (await stage.until("room", "Closed", seconds=25))["status"]
    assert status["closedReason"] == "Idle"


async def test_a_closed_hall_is_removed_after_its_retention(stage: Stage) -> None:
    stage.env["RELAY_RETENTION_SECONDS"] = "2"
    await stage.start()
    await stage.apply("room", desiredState="Closed")
    closed = await stage.until("room", "Closed")
    await stage.until("room", None)
    assert datetime.now(UTC) - parse_time(closed["status"]["closedAt"]) >= timedelta(seconds=2)


async def test_a_hall_deleted_while_the_operator_is_down_is_let_go_when_it_is_back(
    stage: Stage,
) -> None:
    await stage.start()
    hall = await _in_call(stage)
    await stage.stop()
    await stage.cluster.delete(stage.path("room"))
    assert await stage.hall("room") is not None
    await stage.start()
    await stage.until("room", None)
    assert stage.media_of(hall).closed_reason == "Deleted"


async def test_a_hall_applied_again_at_once_does_not_wait_for_its_old_pod(stage: Stage) -> None:
    await stage.start()
    await _in_call(stage)
    stage.kubelet.confirms = False
    await stage.cluster.delete(stage.path("room"))
    await stage.until("room", None)
    await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    assert hall["status"]["podName"] == "room-1"
