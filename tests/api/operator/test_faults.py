"""Restarts, outages and refusals, on a real API server."""

from __future__ import annotations

import asyncio

import pytest

from api.operator.cluster import RELAY
from api.operator.conftest import Stage, eventually, reason_of


async def test_a_restart_disturbs_no_hall_and_writes_nothing(stage: Stage) -> None:
    await stage.start()
    for number in range(5):
        await stage.apply(f"room-a{number}")
    before = {}
    for number in range(5):
        before[f"room-a{number}"] = await stage.until(f"room-a{number}", "Assigned")
    await stage.stop(kill=True)
    stage.proxy.seen.clear()
    await stage.apply("late")
    stage.media_of(before["room-a0"]).tell("participant.joined", 1)
    await stage.start()
    await stage.until("late", "Assigned")
    await eventually(
        lambda: stage.hall("room-a0"), lambda h: h["status"].get("participantCount") == 1
    )
    for name, old in before.items():
        hall = await stage.hall(name)
        assert hall is not None
        assert hall["status"]["endpoint"] == old["status"]["endpoint"]
        assert hall["metadata"]["resourceVersion"] == old["metadata"]["resourceVersion"] or (
            name == "room-a0"
        )
    pods = await stage.pods()
    assert sorted(p["metadata"]["name"] for p in pods) == sorted([*before, "late"])
    assert stage.proxy.writes()["POST /api/v1/namespaces/pods"] == 1


async def test_at_rest_the_operator_writes_nothing(stage: Stage) -> None:
    stage.env["RELAY_RESYNC_SECONDS"] = "1"
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")
    await eventually(lambda: _events(stage), lambda count: count == 2)
    stage.proxy.seen.clear()
    await eventually(lambda: _lists(stage), lambda count: count >= 12, seconds=30)
    assert stage.proxy.writes() == {}


async def _events(stage: Stage) -> int:
    return stage.proxy.writes()["POST /apis/events.k8s.io/v1/namespaces/events"]


async def _lists(stage: Stage) -> int:
    return sum(found.path.endswith("/halls") for found in list(stage.proxy.seen))


async def test_the_informer_writes_nothing_of_its_own(stage: Stage) -> None:
    await stage.start()
    hall = await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    assert hall["metadata"]["finalizers"] == ["relay.dev/close"]
    assert hall["metadata"].get("annotations", {}) == {}
    for pod in await stage.pods():
        assert "finalizers" not in pod["metadata"]
    assert {"events", "halls", "pods", "status"} >= {
        found.path.rsplit("/", 1)[-1] if found.method == "POST" else "halls"
        for found in stage.proxy.seen
        if found.writes
    }


async def test_a_missing_class_is_told_of_once_and_helps_when_it_comes(stage: Stage) -> None:
    await stage.start()
    name = f"{stage.namespace}-later"
    stage.proxy.seen.clear()
    await stage.apply("room", className=name)
    hall = await stage.until("room", "ClassNotFound")
    assert hall["status"]["conditions"][0]["message"].startswith(f"there is no HallClass '{name}'")
    await asyncio.sleep(1)
    assert sum(stage.proxy.writes().values()) <= 2
    made = {"apiVersion": "relay.dev/v1beta1", "kind": "HallClass", "metadata": {"name": name}}
    await stage.cluster.create(f"{RELAY}/hallclasses", made | {"spec": stage.hall_class})
    try:
        await stage.until("room", "Assigned")
    finally:
        await stage.cluster.delete(f"{RELAY}/hallclasses/{name}")


async def test_a_missing_plan_is_told_of(stage: Stage) -> None:
    account = f"{RELAY}/namespaces/{stage.namespace}/accounts/default"
    # Before the operator starts: halls and accounts come by watches of their own, in any order.
    await stage.cluster.patch(account, {"spec": {"planName": "nowhere"}})
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "PlanNotFound")
    await stage.cluster.patch(account, {"spec": {"planName": stage.namespace}})
    await stage.until("room", "Assigned")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"record": True}, "StorageNotConfigured"),
        ({"moderation": True}, "PlanRequired"),
        ({"metadata": {"x": "y" * 17_000}}, "MetadataTooLarge"),
    ],
)
async def test_what_this_release_cannot_do_is_refused(
    stage: Stage, spec: dict[str, object], reason: str
) -> None:
    await stage.start()
    await stage.apply("room", **spec)
    await stage.until("room", reason)
    assert await stage.pods() == []


async def test_a_pod_that_admission_refuses_becomes_the_condition(stage: Stage) -> None:
    await stage.start()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    path = f"/api/v1/namespaces/{stage.namespace}/resourcequotas"
    await stage.cluster.create(path, quota)
    await eventually(
        lambda: stage.cluster.get(f"{path}/none"),
        lambda found: (found.get("status") or {}).get("hard") is not None,
    )
    stage.proxy.seen.clear()
    await stage.apply("room")
    hall = await stage.until("room", "PodRejected")
    assert "exceeded quota" in hall["status"]["conditions"][0]["message"]
    await asyncio.sleep(2)
    assert stage.proxy.writes()["POST /api/v1/namespaces/pods"] == 1
    await stage.cluster.delete(f"{path}/none")
    hall_class = f"{RELAY}/hallclasses/{stage.namespace}"
    await stage.cluster.patch(hall_class, {"spec": {"terminationGracePeriodSeconds": 3}})
    await stage.until("room", "Assigned")


async def test_the_pod_passes_pod_security_restricted(stage: Stage) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await stage.cluster.patch(
        f"/api/v1/namespaces/{stage.namespace}", {"metadata": {"labels": labels}}
    )
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")


async def test_a_foreign_pod_in_the_way_is_told_of_and_left_alone(stage: Stage) -> None:
    container = {"name": "x", "image": "relay.invalid/none"}
    foreign = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "room"}}
    spec = {"containers": [container], "nodeSelector": {"nowhere": "yes"}}
    await stage.cluster.create(stage.kubelet.pods_path(), foreign | {"spec": spec})
    await stage.start()
    await stage.apply("room")
    hall = await stage.until("room", "PodRejected")
    assert "somebody else" in hall["status"]["conditions"][0]["message"]
    assert len(await stage.pods()) == 1
    await stage.cluster.delete(stage.kubelet.pods_path("room"), gracePeriodSeconds=0)


async def test_a_paused_hall_is_left_alone_until_it_is_not(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room", annotations={"relay.dev/paused": "true"})
    await stage.apply("other")
    await stage.until("other", "Assigned")
    assert "status" not in (await stage.hall("room") or {})
    await stage.cluster.patch(
        stage.path("room"), {"metadata": {"annotations": {"relay.dev/paused": None}}}
    )
    await stage.until("room", "Assigned")


async def test_a_changed_cap_reaches_the_running_pod(stage: Stage) -> None:
    await stage.start()
    await stage.apply("room", maxParticipants=5)
    hall = await stage.until("room", "Assigned")
    pod = stage.media_of(hall)
    await stage.cluster.patch(stage.path("room"), {"spec": {"maxParticipants": 9}})
    await eventually(_of(lambda: pod.hall and pod.hall["max_participants"]), lambda n: n == 9)
    plan = f"{RELAY}/plans/{stage.namespace}"
    await stage.cluster.patch(plan, {"spec": {"maxParticipants": 3}})
    await eventually(_of(lambda: pod.hall and pod.hall["max_participants"]), lambda n: n == 3)
    await eventually(
        lambda: stage.hall("room"), lambda h: (h or {})["status"]["maxParticipants"] == 3
    )


def _of(read):  # type: ignore[no-untyped-def]
    async def value() -> object:
        return read()

    return value


async def test_lost_answers_and_refusals_make_no_second_pod(stage: Stage) -> None:
    counts: dict[str, int] = {}

    def every_third(method: str, path: str) -> str | None:
        if method == "GET" or "events" in path:
            return None
        counts[method] = counts.get(method, 0) + 1
        return {1: "lose", 2: "refuse"}.get(counts[method] % 3)

    await stage.start()
    stage.proxy.fault = every_third
    for number in range(6):
        await stage.apply(f"room-b{number}")
    for number in range(6):
        await stage.until(f"room-b{number}", "Assigned", seconds=40)
    pods = await stage.pods()
    assert sorted(p["metadata"]["name"] for p in pods) == [f"room-b{n}" for n in range(6)]
    assert all(len(stage.media.of_hall(h["metadata"]["uid"])) == 1 for h in await _halls(stage))


async def _halls(stage: Stage) -> list[dict[str, object]]:
    return list((await stage.cluster.get(stage.path()))["items"])


async def test_an_outage_of_the_api_server_ends_nothing_and_is_caught_up_with(
    stage: Stage,
) -> None:
    await stage.start()
    await stage.apply("room")
    hall = await stage.until("room", "Assigned")
    stage.proxy.fault = lambda _method, _path: "refuse"
    stage.media_of(hall).tell("participant.joined", 4)
    await asyncio.sleep(3)
    assert (await stage.probe("healthz"))[0] == 200
    stage.proxy.fault = lambda _method, _path: None
    found = await eventually(
        lambda: stage.hall("room"), lambda h: (h or {})["status"].get("participantCount") == 4
    )
    assert reason_of(found) == "Assigned"
    await stage.apply("later")
    await stage.until("later", "Assigned", seconds=90)


async def test_a_missing_key_ends_the_process_with_the_files_name(stage: Stage) -> None:
    stage.env["RELAY_CONTROL_KEY_FILE"] = "/nowhere/control.pem"
    with pytest.raises(AssertionError, match=r"/nowhere/control\.pem cannot be read"):
        await stage.start()


async def test_no_log_line_carries_a_token_or_a_key(stage: Stage) -> None:
    stage.env["RELAY_LOG_LEVEL"] = "DEBUG"
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")
    text = stage.log_file.read_text()
    assert "eyJ" not in text
    assert "BEGIN" not in text
    assert any(line.get("hall_uid") for line in stage.logs())
