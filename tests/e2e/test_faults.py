"""One part is lost at a time, during a call: what the two people in it see, and for how long.

| lost | what a participant sees | bound |
|---|---|---|
| media pod | "Reconnecting", then everybody again, without a click | 20 s |
| operator | nothing; new halls wait until it is back | - |
| front door | the picture goes on; "Reconnecting" until another replica answers | 30 s |
| API server | nothing; who holds a token can still join a hall that runs | - |
| the hall's node, with a front door on it | "Reconnecting", then all again on another node | 60 s |
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from browser.figures import Record
from browser.ground import Arrive
from browser.waiting import until
from cluster.release import NAMESPACE, TENANT
from e2e.call import Call, begin
from e2e.installed import Hall, Installed

NOBODY_NOTICES_MS = 1500  # the machine of the tests is busy; a person would call it a hiccup
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ASIDE = "/etc/kubernetes/kube-apiserver.aside.yaml"


@pytest_asyncio.fixture(loop_scope="session")
async def call(installed: Installed, arrive: Arrive) -> AsyncIterator[Call]:
    """Two people in a hall of this test's own, closed afterwards."""
    hall, host_token = await installed.create(f"Faults {secrets.token_hex(3)}")
    yield await begin(installed, arrive, hall, host_token=host_token)
    await until(installed.answers, "REST answers", seconds=60)
    await installed.rest("DELETE", f"/v1/halls/{hall.hall_id}")


@pytest.mark.parametrize(
    "how",
    [("--grace-period=0", "--force"), ()],
    ids=["at once", "with its grace"],
)
async def test_a_deleted_media_pod_is_replaced_without_a_click(
    installed: Installed, call: Call, record: Record, how: tuple[str, ...]
) -> None:
    pod = await installed.pod_of(call.hall)
    since = await call.generations()
    await call.watch()
    began = time.monotonic()
    name = pod["metadata"]["name"]
    await installed.kubectl("-n", TENANT, "delete", "pod", name, "--wait=false", *how)
    await call.rebuilt(since=since, seconds=60)
    record("deleted_to_decoding_seconds", time.monotonic() - began)
    standing_still = await call.longest_gap() / 1000
    record("picture_stood_still_seconds", standing_still)
    assert standing_still < 20
    another = await installed.pod_of(call.hall)
    assert another["metadata"]["uid"] != pod["metadata"]["uid"]
    assert (await installed.hall(call.hall))["status"] == "active"


async def test_nobody_in_a_call_notices_that_the_operator_is_down(
    installed: Installed, call: Call, record: Record
) -> None:
    since = await call.generations()
    await call.watch()
    await installed.scale("relay-operator", 0)
    try:

        async def down() -> bool:
            return await installed.pods_of_part("relay-operator") == []

        await until(down, "the operator is gone", seconds=60, every=0.5)
        by_rest, _ = await installed.create("Made while the operator is down")
        name = f"meanwhile-{secrets.token_hex(3)}"
        await installed.apply_hall_object(name, "Made while the operator is down, by kubectl")
        await call.pictures_move(seconds=5)
        assert await installed.pods_of(by_rest) == []
    finally:
        await installed.scale("relay-operator", 1)
    began = time.monotonic()
    by_kubectl = Hall(hall_id="", name=name)
    await asyncio.gather(installed.ready(by_rest.name), installed.ready(name))
    record("operator_back_to_halls_ready_seconds", time.monotonic() - began)
    for hall in (by_rest, by_kubectl, call.hall):
        assert len(await installed.pods_of(hall)) == 1
    await call.meet()
    gap = await call.longest_gap()
    record("longest_gap_ms", gap)
    assert gap < NOBODY_NOTICES_MS
    assert await call.generations() == since
    assert (await installed.hall(call.hall))["participant_count"] == 2
    await installed.rest("DELETE", f"/v1/halls/{by_rest.hall_id}")
    await installed.kubectl("-n", TENANT, "delete", "hall", name, "--wait=false")


async def test_the_picture_goes_on_while_the_front_door_is_killed(
    installed: Installed, call: Call, record: Record
) -> None:
    since = await call.generations()
    await call.watch()
    began = time.monotonic()
    label = "app.kubernetes.io/name=relay-api"
    await installed.kubectl(
        *("-n", NAMESPACE, "delete", "pods", "-l", label),
        *("--grace-period=0", "--force", "--wait=false"),
    )

    async def reconnecting() -> bool:
        return "reconnecting" in {await call.ada.state(), await call.ben.state()}

    await until(reconnecting, "a page knows that its socket broke", every=0.02)
    await asyncio.gather(call.ada.is_live(seconds=30), call.ben.is_live(seconds=30))
    record("socket_back_seconds", time.monotonic() - began)
    await until(installed.answers, "REST answers again", seconds=30)
    record("rest_back_seconds", time.monotonic() - began)
    await call.meet()
    gap = await call.longest_gap()
    record("longest_gap_ms", gap)
    assert gap < NOBODY_NOTICES_MS
    assert await call.generations() == since, "the media path was built anew for nothing"


async def test_a_call_goes_on_and_can_be_joined_while_the_api_server_is_down(
    installed: Installed, call: Call, arrive: Arrive, record: Record
) -> None:
    late = installed.link(call.hall, await installed.token(call.hall, "cleo"))
    since = await call.generations()
    await call.watch()
    await installed.on_control_plane("mv", MANIFEST, ASIDE)
    try:

        async def down() -> bool:
            try:
                await installed.kubectl("get", "--raw", "/readyz", "--request-timeout=2s")
            except Exception:  # noqa: BLE001 - whatever kubectl says, it is no answer
                return True
            return False

        await until(down, "the API server is down", seconds=60, every=0.5)
        cleo = await arrive(late, "Cleo")
        await cleo.join()
        await cleo.meets(await call.ada.identity())
        await call.pictures_move(seconds=10)
    finally:
        await installed.on_control_plane("mv", ASIDE, MANIFEST)
    began = time.monotonic()

    async def counted() -> bool:
        if not await installed.answers():
            return False
        return bool((await installed.hall(call.hall))["participant_count"] == 3)

    await until(counted, "REST counts three people", seconds=90, every=0.5)
    record("api_server_back_to_counted_seconds", time.monotonic() - began)
    gap = await call.longest_gap()
    record("longest_gap_ms", gap)
    assert gap < NOBODY_NOTICES_MS
    assert await call.generations() == since
    assert len(await installed.pods_of(call.hall)) == 1


@pytest_asyncio.fixture(loop_scope="session")
async def hall_beside_the_operator(installed: Installed) -> AsyncIterator[Hall]:
    """A hall on another node than the operator's, so that the two are not lost together."""
    (operator,) = await installed.pods_of_part("relay-operator")
    node = operator["spec"]["nodeName"]
    await installed.kubectl("cordon", node)
    try:
        hall, _ = await installed.create("On a node that will be lost")
        await installed.ready(hall.name)
    finally:
        await installed.kubectl("uncordon", node)
    yield hall
    await until(installed.answers, "REST answers", seconds=120)
    await installed.rest("DELETE", f"/v1/halls/{hall.hall_id}")


async def test_a_hall_moves_to_another_node_when_its_own_is_lost(
    installed: Installed, arrive: Arrive, hall_beside_the_operator: Hall, record: Record
) -> None:
    hall = hall_beside_the_operator
    call = await begin(installed, arrive, hall)
    lost = (await installed.pod_of(hall))["spec"]["nodeName"]
    # The node takes a replica of the front door along, which the two may be connected through.
    doors = {pod["spec"]["nodeName"] for pod in await installed.pods_of_part("relay-api")}
    assert len(doors) == 2
    assert lost in doors
    since = await call.generations()
    await call.watch()
    began = time.monotonic()
    await asyncio.to_thread(installed.cluster.stop_node, lost)
    try:
        await call.rebuilt(since=since, seconds=60)
        record("node_lost_to_decoding_seconds", time.monotonic() - began)
        record("picture_stood_still_seconds", await call.longest_gap() / 1000)
        (found,) = await installed.objects("hall", hall.name)
        assert found["status"]["nodeName"] != lost
        assert found["status"]["lastPodFailure"]["nodeName"] == lost
    finally:
        await asyncio.to_thread(installed.cluster.start_node, lost)

    async def settled() -> bool:
        parts = [*await installed.pods_of_part("relay-api"), *await installed.pods_of(hall)]
        return all(
            any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
            for pod in parts
        )

    await until(settled, "every part is ready again", seconds=120, every=1)
