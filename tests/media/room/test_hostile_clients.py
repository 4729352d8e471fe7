"""Garbage, floods and silence on the signalling socket: nobody else in the hall notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from media.room.client import Client
from media.room.pod import Pod, until

LINE = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{}\r\na=rtpmap:111 opus/48000/2\r\n"


FIRST = [
    "",
    "null",
    "[]",
    "{}",
    "{" * 20_000,
    "[" * 100_000,
    '{"type": 7}',
    '{"type": "join", "v": 2, "session": "00", "resume": false}',
    '{"type": "join"}',
    '{"type": "ping", "t": 1}',
    json.dumps({"type": "join", "v": 1, "session": "g" * 32}),
    "\ud800".encode("utf-8", "surrogatepass").hex(),
]

LATER: list[tuple[dict[str, object], str]] = [
    ({"type": "dance"}, "unknown_type"),
    ({"type": "mute", "track": "t_none", "muted": True}, "unknown_track"),
    ({"type": "mute", "track": "t_none", "muted": "yes"}, "bad_message"),
    ({"type": "ping", "t": "soon"}, "bad_message"),
    ({"type": "ping", "t": 10**400}, "bad_message"),
    ({"type": "offer", "pc": "subscribe", "id": 1, "sdp": ""}, "bad_message"),
    ({"type": "offer", "pc": "publish", "id": -1, "sdp": ""}, "bad_message"),
    ({"type": "offer", "pc": "publish", "id": 1, "sdp": 7}, "bad_message"),
    ({"type": "offer", "pc": "publish", "id": 1, "sdp": "", "tracks": {}}, "bad_message"),
    ({"type": "offer", "pc": "publish", "id": 1, "sdp": ""}, "bad_sdp"),
    ({"type": "offer", "pc": "publish", "id": 1, "sdp": "v=0\r\n" * 9000}, "bad_sdp"),
    ({"type": "answer", "pc": "subscribe", "id": 1, "sdp": ""}, "bad_message"),
    ({"type": "join", "v": 1, "session": "0" * 32}, "bad_message"),
    (
        {
            "type": "offer",
            "pc": "publish",
            "id": 3,
            "sdp": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
            + "".join(LINE.format(n) for n in range(500)),
        },
        "bad_sdp",
    ),
]


@pytest.fixture
async def witness(pod: Pod) -> AsyncIterator[Client]:
    """Somebody well-behaved, who must be served all along."""
    async with Client(pod, "witness") as client:
        await client.join()
        yield client
        await client.send(type="ping", t=99)
        await client.expect("pong", t=99, seconds=2)
        assert not [m for m in client.messages if m["type"] == "error"]


async def test_a_bad_first_message_is_refused_and_the_socket_closed(
    pod: Pod, witness: Client
) -> None:
    for text in FIRST:
        client = Client(pod, "mallory")
        await client.connect()
        await client.socket.send_str(text)
        error = await client.expect("error")
        assert error["code"] in ("bad_message", "unknown_type", "not_joined"), text[:100]
        assert await client.closed() == 4009
    assert (await pod.status())["participants"] == 1


async def test_a_bad_message_gets_an_error_and_the_connection_stays(
    pod: Pod, witness: Client
) -> None:
    async with Client(pod, "clumsy") as client:
        await client.join()
        for number, (message, code) in enumerate(LATER):
            at = len(client.messages)
            await client.send(**message)
            assert (await client.expect("error", since=at))["code"] == code, message
            await client.send(type="ping", t=number)
            await client.expect("pong", t=number)


async def test_unknown_fields_are_ignored(pod: Pod) -> None:
    async with Client(pod, "future") as client:
        await client.connect()
        await client.send(type="join", v=1, session=client.session, resume=False, colour="blue")
        await client.expect("welcome")


async def test_frames_that_are_too_large_or_binary_end_or_are_refused(
    pod: Pod, witness: Client
) -> None:
    async with Client(pod, "mallory") as client:
        await client.join()
        await client.socket.send_bytes(b"\x00\xff" * 100)
        assert (await client.expect("error"))["code"] == "bad_message"
        await client.send(type="offer", pc="publish", id=1, sdp="a" * 1_000_000)
        assert await client.closed() == 1009


async def test_sockets_that_never_join_are_closed_after_ten_seconds(
    pod: Pod, witness: Client
) -> None:
    silent = [Client(pod, f"silent-{number}") for number in range(200)]
    await asyncio.gather(*(client.connect() for client in silent))
    assert pod.descriptors() >= 200
    async with Client(pod, "welcome-guest") as guest:
        await guest.join()
    codes = await asyncio.gather(*(client.closed(20) for client in silent))
    assert set(codes) == {4009}
    assert {client.messages[0]["code"] for client in silent} == {"not_joined"}
    await until(lambda: pod.descriptors() < 40)


async def test_one_identity_cannot_hold_many_waiting_sockets(pod: Pod) -> None:
    clients = [Client(pod, "mallory") for _ in range(16)]
    for client in clients:
        await client.connect()
    async with pod.http.get(
        f"http://127.0.0.1:{pod.signalling_port}/rtc",
        headers={"Authorization": f"Bearer {pod.gateway_token('mallory')}"},
    ) as response:
        assert response.status == 503
    async with Client(pod, "alice") as alice:
        await alice.join()
    await asyncio.gather(*(client.close() for client in clients))


async def test_a_flood_of_messages_is_answered_with_rate_limited_and_then_closed(
    pod: Pod, witness: Client
) -> None:
    async with Client(pod, "flood") as client:
        await client.join()
        for number in range(1500):
            if client.socket.closed:
                break
            await client.send(type="ping", t=number)
        assert (await client.expect("error"))["code"] == "rate_limited"
        assert await client.closed() == 4009


async def test_a_client_that_never_reads_is_cut_off_and_harms_nobody(
    pod: Pod, witness: Client
) -> None:
    async with Client(pod, "deaf") as deaf:
        await deaf.join()
        connection = deaf.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        before = pod.memory_kib()
        async with asyncio.timeout(60):
            while True:
                sid = (await pod.events())[-1]["data"].get("reason")
                if sid is not None or await talk(pod, 100):
                    break
        assert pod.memory_kib() - before < 40_000
        deaf.drop()


async def talk(pod: Pod, times: int) -> bool:
    """Join and leave often, so that everyone is sent much; True once someone was cut off."""
    for number in range(times):
        async with Client(pod, f"chatty-{number}-" + "x" * 100) as client:
            await client.join()
            await client.send(type="leave")
            await client.closed()
    return any("too slowly" in line["message"] for line in pod.log_lines())


async def test_http_garbage_on_either_port_harms_nobody_and_is_not_logged(
    pod: Pod, witness: Client
) -> None:
    for port in (pod.signalling_port, pod.control_port):
        for data in (b"\x00" * 10_000, b"GET / HTTP/1.1\r\nAuthorization: " + b"s3cret" * 9000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            await reader.read()
            writer.close()
    assert "s3cret" not in pod.log_path.read_text()
