"""From a new Hall to a Ready one, on a real API server."""

from __future__ import annotations

import pytest

from api.operator.conftest import Stage, eventually


async def test_a_new_hall_becomes_ready_with_six_writes(stage: Stage) -> None:
    await stage.start()
    stage.proxy.seen.clear()
    await stage.apply("room", displayName="Weekly", maxParticipants=50)
    hall = await stage.until("room", "Assigned")
    status = hall["status"]
    assert status["podName"] == "room"
    assert status["nodeName"] == stage.kubelet.name
    assert status["maxParticipants"] == 20
    assert status["observedGeneration"] == 1
    told = stage.media_of(hall).hall
    assert told is not None
    assert told["display_name"] == "Weekly"
    assert told["max_participants"] == 20
    halls = "/apis/relay.dev/v1beta1/namespaces/halls"
    await eventually(
        lambda: _counted(stage),
        lambda found: found.get("POST /apis/events.k8s.io/v1/namespaces/events") == 2,
    )
    assert stage.proxy.writes() == {
        f"PATCH {halls}": 1,
        "POST /api/v1/namespaces/pods": 1,
        f"PATCH {halls}/status": 2,
        "POST /apis/events.k8s.io/v1/namespaces/events": 2,
    }
    assert stage.media.refused == []


async def _counted(stage: Stage) -> dict[str, int]:
    return dict(stage.proxy.writes())


@pytest.mark.parametrize("name", ["r", "a" * 52])
async def test_the_shortest_and_the_longest_name_become_ready(stage: Stage, name: str) -> None:
    await stage.start()
    await stage.apply(name)
    await stage.until(name, "Assigned")
