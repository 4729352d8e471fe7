"""A replica for all tests, and replicas of one's own for those that do harm."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.shim.deployed import Install, Shim, apply, free_port, put_on_plan, until
from api.shim.room import Room, make_room
from conftest import kubectl

pytest.register_assert_rewrite("api.shim.refusals")


@pytest.fixture(scope="session")
def plan(kubeconfig: Path) -> Iterator[str]:
    """A Plan of this run's own: 60 participants."""
    name = f"shim-{secrets.token_hex(4)}"
    apply(
        {
            "apiVersion": "relay.dev/v1beta1",
            "kind": "Plan",
            "metadata": {"name": name},
            "spec": {"maxParticipants": 60},
        }
    )
    yield name
    kubectl("delete", "plans.relay.dev", name, "--wait=false")


@pytest.fixture
def tenant(namespace: str, plan: str) -> str:
    """A namespace with an Account on the plan."""
    put_on_plan(namespace, plan)
    return namespace


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    made = Install(folder=tmp_path_factory.mktemp("secrets"))
    made.write()
    return made


@pytest.fixture(scope="session")
def running(
    kubeconfig: Path, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shim]:
    """One replica for all the tests that do it no harm."""
    made = Shim(
        install,
        "",
        tmp_path_factory.mktemp("shim") / "log",
        RELAY_POD_SIGNALLING_PORT=str(free_port()),
    )
    made.start()
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def quiet_key(install: Install, plan: str) -> Iterator[str]:
    """A key of a namespace that stays empty: one for all the requests that are refused."""
    name = f"t-{secrets.token_hex(5)}"
    kubectl("create", "namespace", name)
    put_on_plan(name, plan)
    yield install.add_key(name)
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def quiet(quiet_key: str, running: Shim) -> AsyncIterator[httpx.AsyncClient]:
    """A client for requests that make nothing."""
    async with running.client_of(quiet_key) as client:
        await until(lambda: _accepts(client), "the key counts")
        yield client


@pytest.fixture
async def shim(running: Shim, install: Install, tenant: str) -> AsyncIterator[Shim]:
    """The shared replica, with a key of this test's own namespace that counts already."""
    key = install.add_key(tenant)
    running.use_key(key)
    await until(lambda: _accepts(running.client), "the new key counts")
    yield running
    await running.client.aclose()
    install.remove_key(key)


async def _accepts(client: httpx.AsyncClient) -> bool:
    """The Account must have come in too: the refusal names its plan."""
    response = await client.post("/v1/halls", json={"name": "probe", "moderation": True})
    return response.status_code == 403 and "'shim-" in response.text


@pytest.fixture
async def replicas(
    install: Install, tenant: str, tmp_path: Path
) -> AsyncIterator[Callable[..., Shim]]:
    """Makes replicas with one key in common, not started yet; all are ended with the test."""
    made: list[Shim] = []
    key = install.add_key(tenant)

    def make(**environ: str) -> Shim:
        made.append(Shim(install, key, tmp_path / f"shim-{len(made)}.log", **environ))
        return made[-1]

    yield make
    for shim in made:
        await shim.client.aclose()
        if shim.process is not None:
            shim.stop(signal.SIGKILL)
    install.remove_key(key)


@pytest.fixture
async def room(shim: Shim, tenant: str) -> AsyncIterator[Room]:
    made = await make_room(shim, tenant)
    await made.pod.start()
    yield made
    await made.clear()


@pytest.fixture
async def own_room(
    replicas: Callable[..., Shim], tenant: str
) -> AsyncIterator[Callable[..., Awaitable[Room]]]:
    """A room on a replica of one's own, with its own settings."""
    rooms: list[Room] = []

    async def make(**environ: str) -> Room:
        shim = replicas(RELAY_POD_SIGNALLING_PORT=str(free_port()), **environ)
        await asyncio.to_thread(shim.start)
        rooms.append(await make_room(shim, tenant))
        await rooms[-1].pod.start()
        return rooms[-1]

    yield make
    for room in rooms:
        await room.clear()
