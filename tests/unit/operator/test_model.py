"""Random histories: whatever happens and in whatever order, the same end is reached.

Every seed is a history of users, kubelets, lost watch events, refused writes, lost answers, and
processes that end behind any write. All along no hall has two pods that serve it; afterwards, with
the trouble over, one full list leads to the state that the specs ask for, and then to rest.
"""

from __future__ import annotations

import os
import random

import pytest

from relay_operator.plan import PodState
from unit.operator.api_server import ProcessEnded
from unit.operator.process import Process
from unit.operator.world import World, later

NAMES = ["a", "b", "c"]
SEEDS = range(int(os.environ.get("RELAY_MODEL_SEEDS", "25")))


def _happen(world: World, chance: random.Random) -> None:
    """One thing that somebody other than the operator does."""
    if chance.random() < 0.3:
        later(world, chance.choice([0.1, 1, 5, 30]))
    elif chance.random() < 0.4:
        _somebody_writes(world, chance)
    elif world.pods:
        _a_node_does(world, chance, chance.choice(sorted(world.pods)))


def _somebody_writes(world: World, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    match chance.randrange(8):
        case 0:
            world.change(name, maxParticipants=chance.randrange(1, 20))
        case 1 if chance.random() < 0.4:
            world.change(name, desiredState="Closed")
        case 2 if chance.random() < 0.4:
            world.delete(name)
        case 3:
            world.wake(name)
        case _:
            policy = chance.choice(["Hibernate", "Keep", "Close"])
            world.apply(name, idlePolicy=policy, idleTimeoutSeconds=20)


def _a_node_does(world: World, chance: random.Random, pod: str) -> None:
    inside = world.insides[world.pods[pod]["metadata"]["uid"]]
    match chance.randrange(10):
        case 0:
            world.fail(pod, chance.choice(["OOMKilled", "Error"]))
        case 1:
            world.terminate(pod)
        case 2 if "deletionTimestamp" in world.pods[pod]["metadata"]:
            world.remove_pod(pod)
        case 3:
            inside.reachable = False
        case 4 if inside.state is PodState.ASSIGNED:
            inside.participants = chance.randrange(3)
            inside.empty_since = None if inside.participants else world.now
        case _:
            world.run(pod)


async def _live(world: World, process: Process, chance: random.Random) -> Process:
    """Deliver, lose, pull and work; returns the process that is alive afterwards."""
    try:
        while world.events and chance.random() < 0.7:
            event = world.events.pop(0)
            if chance.random() < 0.85:
                process.see(*event)
        if chance.random() < 0.05:
            process.resync()
        process.pull()
        await process.work()
    except ProcessEnded:
        return Process(world)
    return Process(world) if chance.random() < 0.03 else process


async def _settle(world: World, process: Process) -> None:
    """No more trouble: kubelets do their work, time passes, lists are read."""
    world.trouble = 0.0
    for _ in range(45):
        for name in list(world.pods):
            if "deletionTimestamp" in world.pods[name]["metadata"]:
                world.remove_pod(name)
            elif world.pods[name]["status"]["phase"] == "Pending":
                world.run(name)
        for name, pod in list(world.pods.items()):
            inside = world.insides[pod["metadata"]["uid"]]
            if inside.state is PodState.ASSIGNED and inside.reachable:
                inside.participants, inside.empty_since = 1, None
            elif inside.state is PodState.IDLE and not inside.reachable:
                world.terminate(
                    name
                )  # the node controller's part: it never served, so never pulled
        world.events.clear()
        process.resync()
        process.pull()
        await process.work()
        world.check()
        later(world, 2)


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_history_ends_as_the_specs_ask(seed: int) -> None:
    chance = random.Random(seed)
    world = World(random=chance, trouble=0.2)
    process = Process(world)
    for _ in range(150):
        _happen(world, chance)
        process = await _live(world, process, chance)
        world.check()
    await _settle(world, process)
    expected_pods = []
    for name, hall in world.halls.items():
        status = hall["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        if "closedAt" in status:
            assert "podName" not in status
            assert hall["metadata"]["finalizers"] == []
            continue
        assert hall["spec"].get("desiredState") != "Closed", world.history
        assert ready["status"] == "True", (name, ready, world.history[-30:])
        if ready["reason"] == "Hibernated":
            assert "podName" not in status
            continue
        assert world.serving(hall) == [status["podName"]]
        assert status["endpoint"] == world.pods[status["podName"]]["status"]["podIP"]
        assert status["observedGeneration"] == hall["metadata"]["generation"]
        expected_pods.append(status["podName"])
    assert sorted(world.pods) == sorted(expected_pods), world.history[-30:]
    assert not any("deletionTimestamp" in h["metadata"] for h in world.halls.values())
    await _rests(world, process)


async def _rests(world: World, process: Process) -> None:
    writes, passes = world.writes, process.passes
    for _ in range(20):
        process.resync()
        await process.work()
        later(world, 0.5)
    assert world.writes == writes
    assert process.passes - passes <= 20 * len(NAMES)


async def _start(world: World) -> None:
    process = Process(world)
    await process.work()
    world.run("a")
    process.resync()
    await process.work()


@pytest.mark.parametrize("writes", range(1, 5))
async def test_a_process_that_ends_behind_any_write_of_a_start_leads_to_one_pod(
    writes: int,
) -> None:
    world = World(random=random.Random(0), ends_after=writes)
    world.apply("a")
    with pytest.raises(ProcessEnded):
        await _start(world)
    process = Process(world)
    await _settle(world, process)
    assert list(world.pods) == ["a"]
    assert world.halls["a"]["status"].get("podRestarts") is None
    await _rests(world, process)


async def test_a_hall_recreated_under_its_name_gets_its_own_pod_and_status() -> None:
    world = World(random=random.Random(1))
    process = Process(world)
    world.apply("a")
    await _settle(world, process)
    world.delete("a")
    await process.work()
    process.resync()
    await process.work()
    assert "a" not in world.halls
    world.apply("a")
    process.resync()
    await process.work()
    hall = world.halls["a"]
    assert "deletionTimestamp" in world.pods["a"]["metadata"]
    assert hall["status"]["podName"] == "a-1"
    await _settle(world, process)
    assert len(world.serving(world.halls["a"])) == 1
