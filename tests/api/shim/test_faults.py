"""The API server away, silent, or forgetful; and what is true again afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from api.shim.deployed import Shim, apply, hall_manifest, names, until
from api.shim.severable import SeverableApi


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[SeverableApi]:
    made = SeverableApi(kubeconfig)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def through(
    api: SeverableApi, replicas: Callable[..., Shim], tmp_path: Path
) -> Callable[..., Shim]:
    """Makes replicas that reach Kubernetes by the severable way."""

    def make(**environ: str) -> Shim:
        return replicas(KUBECONFIG=api.kubeconfig(tmp_path), **environ)

    return make


async def test_while_kubernetes_is_away_reads_go_on_and_say_how_old_they_are(api, through, tenant):
    shim = through()
    await asyncio.to_thread(shim.start)
    hall_id = await shim.create()
    fresh = await shim.client.get("/v1/halls")
    assert "relay-stale" not in fresh.headers
    await api.cut()

    async def stale() -> bool:
        return "relay-stale" in (await shim.client.get("/v1/halls")).headers

    await until(stale, "the loss is noticed")
    assert (await shim.client.get(f"/v1/halls/{hall_id}")).json()["name"] == "Standup"
    for method, path, body in (
        ("POST", "/v1/halls", {"name": "x"}),
        ("DELETE", f"/v1/halls/{hall_id}", None),
        ("GET", "/v1/halls/h_00000000000000000000", None),
    ):
        response = await shim.client.request(method, path, json=body)
        assert response.status_code == 503, response.text
        assert response.json()["code"] == "kubernetes_unavailable"
        assert 1 <= int(response.headers["retry-after"]) <= 60
    assert (await asyncio.to_thread(shim.probe, "/healthz")) == 200
    assert (await asyncio.to_thread(shim.probe, "/readyz")) == 200, "it still serves"
    apply(hall_manifest(tenant, "meanwhile"))
    await api.start()

    async def caught_up() -> bool:
        return not await stale() and "meanwhile" in await names(shim)

    await until(caught_up, "what happened meanwhile is known")
    assert (await shim.client.delete(f"/v1/halls/{hall_id}")).status_code == 204
    assert sorted(await names(shim)) == ["Standup", "meanwhile"], "nothing half-made"


async def test_a_silent_api_server_costs_a_bounded_time(api, through):
    shim = through()
    await asyncio.to_thread(shim.start)
    hall_id = await shim.create()
    api.freeze()
    started = time.monotonic()
    response = await shim.client.post("/v1/halls", json={"name": "x"})
    assert response.json()["code"] == "kubernetes_unavailable"
    assert time.monotonic() - started < 15
    started = time.monotonic()
    assert (await shim.client.get(f"/v1/halls/{hall_id}")).status_code == 200
    assert time.monotonic() - started < 1, "reads do not wait for it"
    api.thaw()


async def test_an_answer_that_is_lost_makes_one_hall_not_two(api, through):
    shim = through()
    await asyncio.to_thread(shim.start)
    await shim.create()
    api.freeze_answers()
    creating = asyncio.create_task(shim.client.post("/v1/halls", json={"name": "Lost"}))
    await until(lambda: api.held_back > 0, "the hall is made and the answer held back")
    api.break_connections()
    api.thaw()
    response = await creating
    assert response.status_code == 201, response.text
    assert sorted(await names(shim)) == ["Lost", "Standup"]


async def test_a_broken_watch_goes_on_where_it_was(api, through, tenant):
    shim = through()
    await asyncio.to_thread(shim.start)
    for number in range(3):
        api.break_connections()
        apply(hall_manifest(tenant, f"n{number}"))

        async def known(name: str = f"n{number}") -> bool:
            return name in await names(shim)

        await until(known, "the hall is known")
    relists = [line for line in shim.health("/metrics").text.splitlines() if "relists" in line]
    assert not [line for line in relists if 'kind="halls"' in line], "no list was read again"


async def test_a_start_without_kubernetes_waits_for_it(api, through):
    shim = through()
    await api.cut()
    await asyncio.to_thread(shim.start, ready=False)
    await asyncio.to_thread(shim.wait_for, "/readyz", 503)
    response = await shim.client.get("/v1/halls")
    assert (response.status_code, response.json()["code"]) == (503, "kubernetes_unavailable")
    await api.start()
    await asyncio.to_thread(shim.wait_ready)
    assert (await shim.client.get("/v1/halls")).status_code == 200


async def test_what_is_too_old_is_not_shown_any_more(api, through):
    shim = through(RELAY_STALE_SECONDS="0.5")
    await asyncio.to_thread(shim.start)
    hall_id = await shim.create()
    await api.cut()
    for path in ("/v1/halls", f"/v1/halls/{hall_id}"):

        async def refused(path: str = path) -> bool:
            return (await shim.client.get(path)).status_code == 503

        await until(refused, "old halls are not shown")
