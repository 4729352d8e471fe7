"""The signalling gateway: how a call ends, and what its client is told."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from api.shim.deployed import set_status, until
from api.shim.room import Room, condition


@pytest.mark.parametrize("code", [1000, 4003, 4005, 4009, 4011, 4012])
async def test_the_pods_close_code_reaches_the_client(room, code):
    room.ready()
    participant = await room.inside()
    await room.pod.close_all(code)
    assert (await participant.ending())[0] == code


@pytest.mark.parametrize("code", [1001, 1011])
async def test_a_pod_that_closes_without_a_reason_of_ours_is_lost(room, code):
    room.ready()
    participant = await room.inside()
    await room.pod.close_all(code)
    ended, last = await participant.ending()
    assert (ended, last["code"]) == (4010, "pod_lost")


async def test_a_pod_that_breaks_off_is_lost_at_once(room):
    room.ready()
    participant = await room.inside()
    started = time.monotonic()
    room.pod.break_off(room.pod.sockets[0])
    assert (await participant.ending())[0] == 4010
    assert time.monotonic() - started < 1.5


async def test_a_pod_that_falls_silent_is_lost_within_six_seconds(room):
    room.pod.answers_pings = False
    room.ready()
    participant = await room.inside()
    started = time.monotonic()
    assert (await participant.ending())[0] == 4010
    assert time.monotonic() - started < 6.5


async def test_another_pod_in_the_status_sends_everybody_there(room):
    room.ready()
    participant = await room.inside()
    room.ready(podName=f"{room.name}-1")
    assert (await participant.ending())[0] == 4010
    await room.inside()


async def test_a_status_without_a_pod_does_not_end_a_call_that_goes_on(room):
    room.ready()
    participant = await room.inside()
    set_status(room.namespace, room.name, {"participantCount": 1, **condition("MediaUnreachable")})
    await until(lambda: counted(room), "the change has arrived")
    await participant.send({"type": "mute"})
    await participant.expect("echo")


async def counted(room: Room) -> bool:
    hall = (await room.shim.client.get(f"/v1/halls/{room.hall_id}")).json()
    return bool(hall["participant_count"] == 1)


async def test_closing_the_hall_ends_the_call_within_a_second_even_if_the_pod_says_nothing(room):
    room.ready()
    participant = await room.inside()
    started = time.monotonic()
    assert (await room.shim.client.delete(f"/v1/halls/{room.hall_id}")).status_code == 204
    code, last = await participant.ending()
    assert time.monotonic() - started < 1.5
    assert code == 4005
    assert last == {"type": "bye", "reason": "hall_closed", "reconnect": False}


async def test_a_replica_that_ends_sends_its_clients_elsewhere_and_leaves_no_secret_in_its_log(
    own_room,
):
    room = await own_room(RELAY_DRAIN_SECONDS="4", RELAY_LOG_LEVEL="DEBUG")
    room.ready()
    participant = await room.inside()
    started = time.monotonic()
    assert room.shim.process is not None
    room.shim.process.terminate()
    await until(lambda: room.shim.probe("/readyz") == 503, "not ready while draining")
    assert room.shim.probe("/healthz") == 200
    assert (await room.shim.client.get("/v1/halls")).status_code == 200, "still serving"
    assert (await participant.ending())[0] == 1012
    assert await asyncio.to_thread(room.shim.stop) in {0, -15}
    assert time.monotonic() - started < 10
    log = room.shim.log.read_text()
    for secret in (room.token, room.shim.api_key, room.shim.install.signing.decode()):
        assert secret not in log
    assert "eyJ" not in log
    assert "token=" not in log
    assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
