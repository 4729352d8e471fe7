"""The signalling gateway: how one waits for a hall, and when one does not."""

from __future__ import annotations

import itertools

from api.shim.deployed import set_status, until
from api.shim.room import Room, condition
from conftest import kubectl


async def test_who_comes_early_is_told_each_second_and_let_in_when_the_pod_is_there(room):
    participant = await room.join()
    waits = [await participant.expect("waiting") for _ in range(3)]
    assert {wait["reason"] for wait in waits} == {"starting"}
    elapsed = [wait["elapsed_ms"] for wait in waits]
    assert elapsed[0] < 500
    assert all(900 < later - earlier < 2500 for earlier, later in itertools.pairwise(elapsed))
    room.ready()
    await participant.expect("welcome")
    assert room.pod.frames[0]["type"] == "join", "what was sent while waiting has arrived"


async def test_a_pod_that_does_not_listen_yet_or_is_still_idle_is_tried_again(room):
    await room.pod.stop()
    room.ready()
    participant = await room.join()
    await participant.expect("waiting")
    room.pod.refuse_with = 409
    await room.pod.start()
    await until(lambda: room.pod.knocks >= 2, "the idle pod was asked")
    room.pod.refuse_with = 0
    await participant.expect("welcome")


async def test_a_hibernated_hall_is_woken_once_by_all_who_come(room):
    set_status(room.namespace, room.name, condition("Hibernated", "True"))
    await until(lambda: asleep(room), "the gateway knows that the hall sleeps")
    participants = [await room.join(room.join_token(identity=f"p{n}")) for n in range(5)]
    for participant in participants:
        assert (await participant.expect("waiting"))["reason"] == "waking"

    def woken() -> str:
        path = r"jsonpath={.metadata.annotations.relay\.dev/wake-requested-at}"
        return kubectl("get", "halls", room.name, "-n", room.namespace, "-o", path)

    await until(woken, "the hall is asked to wake")
    first = woken()
    set_status(room.namespace, room.name, condition("PodStarting"))
    assert (await participants[0].expect("waiting"))["reason"] == "waking"
    room.ready()
    for participant in participants:
        await participant.expect("welcome")
    assert woken() == first


async def asleep(room: Room) -> bool:
    probe = await room.join(room.join_token(identity="probe"))
    reason = (await probe.expect("waiting"))["reason"]
    await probe.close()
    return bool(reason == "waking")


async def test_a_hall_that_cannot_start_says_so_instead_of_making_people_wait(room):
    set_status(room.namespace, room.name, condition("ClassNotFound"))
    participant = await room.join()
    code, last = await participant.ending()
    assert code == 4008
    assert last["code"] == "hall_unavailable"
    assert "class" in last["message"]


async def test_waiting_ends_after_its_limit(own_room):
    room = await own_room(RELAY_WAIT_SECONDS="1.5")
    code, last = await (await room.join()).ending()
    assert (code, last["code"]) == (4008, "hall_unavailable")


async def test_a_hall_that_is_removed_while_people_wait_is_gone_for_them(room):
    participant = await room.join()
    await participant.expect("waiting")
    kubectl("delete", "halls", room.name, "-n", room.namespace)
    code, last = await participant.ending()
    assert code in {4004, 4005}
    assert last["code"] in {"hall_not_found", "hall_closed"}
    code, last = await (await room.join()).ending()
    assert (code, last["code"]) == (4004, "hall_not_found")
