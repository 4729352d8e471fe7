"""Who gets in, who stays in, and how many: over real sockets, with a real process."""

from __future__ import annotations

import asyncio
import secrets

import aiohttp
import pytest

from media.room.client import Client
from media.room.pod import Pod, until

CAP = 10


async def knock(pod: Pod, token: str) -> int:
    """HTTP status of a WebSocket upgrade."""
    try:
        socket = await pod.http.ws_connect(
            f"ws://127.0.0.1:{pod.signalling_port}/rtc",
            headers={"Authorization": f"Bearer {token}"},
        )
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    await socket.close()
    return 101


async def test_the_welcome_names_the_hall_the_others_and_the_limits(pod: Pod) -> None:
    async with Client(pod, "alice", "host") as alice, Client(pod, "bob") as bob:
        welcome = await alice.join()
        assert welcome["hall"] == {
            "id": "h_01j0000000abcdefghjk",
            "name": "Demo",
            "max_participants": CAP,
        }
        assert welcome["v"] == 1
        assert welcome["resumed"] is False
        assert welcome["participants"] == []
        assert welcome["limits"]["max_tracks"] == 8
        me = welcome["you"]
        assert (me["identity"], me["name"], me["role"]) == ("alice", "Alice", "host")
        assert (await bob.join())["participants"] == [{**me, "tracks": []}]
        joined = await alice.expect("participant_joined")
        assert joined["participant"]["identity"] == "bob"
        await bob.send(type="leave")
        assert await bob.closed() == 1000
        left = await alice.expect("participant_left")
        assert left["sid"] == joined["participant"]["sid"]
        assert left["reason"] == "left"


async def test_wrong_tokens_are_refused_before_the_upgrade(pod: Pod) -> None:
    good = pod.gateway_token("alice")
    header, claims, signature = good.split(".")
    for token in (
        pod.gateway_token("alice", aud="another-hall"),
        pod.gateway_token("alice", exp=1),
        pod.gateway_token("alice", exp=32503680000),
        pod.gateway_token("alice", iss="relay-operator"),
        pod.gateway_token("alice", role="admin"),
        pod.gateway_token("x" * 129),
        pod.gateway_token("line\nbreak"),
        pod.gateway_token("alice", name="n" * 201),
        pod.control_token(),
        f"{header}.{claims}.{signature[::-1]}",
        f"{header}.{claims}.",
        "nonsense",
    ):
        assert await knock(pod, token) == 401
    assert await knock(pod, good) == 101


async def test_200_racing_joins_at_a_cap_of_10_let_exactly_10_in(pod: Pod) -> None:
    await race(pod, aborting=False)


async def test_joins_that_abort_midway_take_no_place_away(pod: Pod) -> None:
    await race(pod, aborting=True)


async def race(pod: Pod, *, aborting: bool) -> None:
    clients = [Client(pod, f"racer-{number}") for number in range(200)]
    start = asyncio.Event()
    peak = 0

    async def try_to_join(number: int, client: Client) -> str:
        await client.connect()
        await start.wait()
        await client.send(type="join", v=1, session=client.session, resume=False)
        if aborting and number % 4 == 0:
            client.drop()
            return "aborted"
        message = await client.expect("welcome|error", seconds=30)
        if message["type"] == "welcome":
            await client.send(type="ping", t=1)
            return "in"
        assert message["code"] == "hall_full"
        assert await client.closed() == 4003
        return "full"

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, (await pod.status())["participants"])
            await asyncio.sleep(0.01)

    tries = [asyncio.create_task(try_to_join(n, client)) for n, client in enumerate(clients)]
    watcher = asyncio.create_task(watch())
    await until(lambda: all(client.connected for client in clients))
    start.set()
    results = await asyncio.gather(*tries)
    watcher.cancel()
    assert peak <= CAP
    inside = results.count("in")
    # Whoever aborted after being let in gave its place back: it is free for the next one.
    await pod.until_status(participants=inside)
    assert inside == CAP if not aborting else inside <= CAP
    spares = [Client(pod, f"spare-{number}") for number in range(CAP - inside)]
    for spare in spares:
        await spare.join()
    assert (await pod.status())["participants"] == CAP
    extra = Client(pod, "one-too-many")
    await extra.connect()
    await extra.send(type="join", v=1, session=extra.session, resume=False)
    assert (await extra.expect("error"))["code"] == "hall_full"
    count = 0
    for event in await pod.events():
        count += {"participant.joined": 1, "participant.left": -1}.get(event["type"], 0)
        assert count <= CAP
    await asyncio.gather(*(client.close() for client in (*clients, *spares, extra)))


async def test_a_full_hall_lets_its_own_people_back_in_and_nobody_else(pod: Pod) -> None:
    clients = [Client(pod, f"p{number}") for number in range(CAP)]
    for client in clients:
        await client.join()
    lost = clients[3]
    await lost.send(type="ping", t=1)
    await lost.expect("pong")
    lost.drop()
    await lost.closed()
    stranger = Client(pod, "stranger")
    await stranger.connect()
    await stranger.send(type="join", v=1, session=stranger.session, resume=False)
    assert (await stranger.expect("error"))["code"] == "hall_full"
    assert (await lost.join(resume=True))["resumed"] is True
    # A reloaded page is a new session of the same person: it replaces, it does not add.
    again = Client(pod, "p4")
    assert (await again.join())["resumed"] is False
    assert (await clients[4].expect("bye"))["reason"] == "duplicate_identity"
    assert await clients[4].closed() == 4011
    assert (await pod.status())["participants"] == CAP
    await asyncio.gather(*(client.close() for client in (*clients, again, stranger)))


async def test_a_lost_socket_keeps_its_place_and_resumes_with_the_same_sid(pod: Pod) -> None:
    async with Client(pod, "alice") as alice, Client(pod, "bob") as bob:
        sid = (await alice.join())["you"]["sid"]
        await bob.join()
        await alice.send(type="ping", t=1.5)
        assert (await alice.expect("pong"))["t"] == 1.5
        alice.drop()
        await alice.closed()
        welcome = await alice.join(resume=True)
        assert welcome["resumed"] is True
        assert welcome["you"]["sid"] == sid
        assert [p["identity"] for p in welcome["participants"]] == ["bob"]
        await alice.send(type="ping", t=2)
        await alice.expect("pong", t=2)
        assert not [m for m in bob.messages if m["type"] == "participant_left"]
        # Before the pod noticed the loss of the first socket: the second takes over.
        first = alice._reader
        assert (await alice.join(resume=True))["you"]["sid"] == sid
        assert first is not None
        await first


async def test_the_same_session_without_resume_is_a_fresh_join(pod: Pod) -> None:
    async with Client(pod, "alice") as alice, Client(pod, "bob") as bob:
        sid = (await alice.join())["you"]["sid"]
        await bob.join()
        await alice.send(type="ping", t=1)
        await alice.expect("pong")
        alice.drop()
        await alice.closed()
        assert (await alice.join())["you"]["sid"] != sid
        assert (await bob.expect("participant_left"))["sid"] == sid
        assert (await pod.status())["participants"] == 2


async def test_resuming_a_session_that_the_pod_does_not_hold_is_a_fresh_join(pod: Pod) -> None:
    async with Client(pod, "alice") as alice, Client(pod, "alice") as thief:
        await alice.join()
        thief.session = secrets.token_hex(16)
        assert (await thief.join(resume=True))["resumed"] is False
        assert await alice.closed() == 4011


async def test_a_smaller_cap_puts_nobody_out_and_lets_nobody_in(pod: Pod) -> None:
    clients = [Client(pod, f"p{number}") for number in range(4)]
    for client in clients:
        await client.join()
    await pod.assign(cap=2)
    assert (await pod.status())["participants"] == 4
    late = Client(pod, "late")
    await late.connect()
    await late.send(type="join", v=1, session=late.session, resume=False)
    assert (await late.expect("error"))["code"] == "hall_full"
    events = await pod.events()
    assert events[-1]["type"] == "participant.rejected"
    assert events[-1]["data"] == {"identity": "late", "code": "hall_full"}
    await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.timeout(90)
async def test_a_place_is_given_up_when_the_grace_is_over(pod: Pod) -> None:
    async with Client(pod, "alice") as alice, Client(pod, "bob") as bob:
        await alice.join()
        await bob.join()
        await alice.send(type="ping", t=1)
        await alice.expect("pong")
        alice.drop()
        left = await bob.expect("participant_left", seconds=30)
        assert left["reason"] == "connection_lost"
        event = (await pod.events())[-1]
        assert event["type"] == "participant.left"
        assert 20 <= event["data"]["duration_seconds"] < 25
