"""The signalling gateway: what a client may send, and how many may come."""

from __future__ import annotations

import json
from pathlib import Path

from api.shim.deployed import Shim, until
from api.shim.participant import refusal


async def test_what_breaks_the_protocol_is_refused_in_words(room):
    room.ready()
    without_session = await room.join(session="nonsense")
    assert await refusal(without_session) == (4009, "bad_message")
    binary = await room.inside()
    await binary.socket.send(b"\x00\x01")
    assert await refusal(binary) == (4009, "bad_message")
    huge = await room.inside()
    await huge.socket.send("x" * (256 * 1024 + 1))
    assert await refusal(huge) == (4009, "bad_message")
    fits = await room.inside()
    await fits.send({"type": "offer", "sdp": "x" * (255 * 1024)})
    assert (await fits.expect("echo"))["of"]["type"] == "offer"


async def test_who_sends_too_much_while_waiting_is_refused(room):
    participant = await room.join()
    for _ in range(3):
        await participant.socket.send(json.dumps({"type": "x", "y": "z" * 200_000}))
    assert await refusal(participant) == (4009, "bad_message")


async def test_limits_of_a_replica_hold(own_room):
    """One replica for three limits, as each start takes seconds."""
    room = await own_room(
        RELAY_MAX_SOCKETS="2", RELAY_ALLOWED_ORIGINS="https://good.example,https://b.example"
    )
    room.ready()
    stranger = await room.join(origin="https://evil.example")
    assert await refusal(stranger) == (4001, "origin_refused")
    one = await room.inside(room.join_token(identity="1"), origin="https://good.example")
    two = await room.inside(room.join_token(identity="2"))
    assert await refusal(await room.join()) == (4029, "too_many_connections")
    await one.close()
    await two.close()
    await until(lambda: "gateway_sockets 0.0" in metrics(room.shim), "both sockets are gone")
    codes = [await refusal(await room.join("forged")) for _ in range(31)]
    assert set(codes[:30]) == {(4001, "token_invalid")}
    assert codes[30] == (4029, "rate_limited")
    # Many people stand behind one address: who has a good token is let in all the same.
    await (await room.inside(room.join_token(identity="3"))).close()


def metrics(shim: Shim) -> str:
    return shim.health("/metrics").text


async def test_a_client_that_does_not_read_holds_the_pod_back_and_costs_no_memory(room):
    room.ready()
    participant = await room.inside()
    participant.socket.transport.pause_reading()
    assert room.shim.process is not None
    before = resident(room.shim.process.pid)
    await participant.send({"type": "flood", "frames": 2000})
    await until(lambda: room.pod.frames[-1]["type"] == "flood", "the flood has begun")
    other = await room.inside(room.join_token(identity="other"))
    for _ in range(20):
        await other.send({"type": "mute"})
        await other.expect("echo")
    assert resident(room.shim.process.pid) - before < 24 * 1024 * 1024, "200 MB were offered"
    participant.socket.transport.resume_reading()
    await participant.close()


def resident(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * 4096
