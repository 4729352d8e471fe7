"""The signalling gateway: who gets in, how one waits, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.shim.deployed import Shim, free_port, set_status, until
from api.shim.participant import Participant
from api.shim.pod import StandIn
from conftest import kubectl
from relay_api.credentials.tokens import JoinToken, Role, issue

_addresses = itertools.count(2)


@dataclass
class Room:
    """One hall, and a stand-in for its pod on an address of its own."""

    shim: Shim
    namespace: str
    hall_id: str
    token: str
    pod: StandIn
    participants: list[Participant] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "h-" + self.hall_id[2:]

    def ready(self, **status: object) -> None:
        set_status(
            self.namespace,
            self.name,
            {
                "endpoint": self.pod.address,
                "podName": self.name,
                **condition("Assigned", "True"),
                **status,
            },
        )

    def join_token(self, **over: object) -> str:
        now = datetime.now(UTC)
        token = JoinToken(
            hall_uid=self.pod.hall_uid,
            hall_id=self.hall_id,
            identity="ada",
            name="Ada",
            role=Role.PARTICIPANT,
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        return issue(replace(token, **over), self.shim.install.signing)

    async def join(self, token: str | None = None, **query: str) -> Participant:
        token = self.token if token is None else token
        self.participants.append(await Participant.connect(self.shim, token, **query))
        return self.participants[-1]

    async def clear(self) -> None:
        """End what the test has left open."""
        await self.pod.stop()
        for participant in self.participants:
            await participant.abort()

    async def inside(self, token: str | None = None, **query: str) -> Participant:
        participant = await self.join(token, **query)
        await participant.expect("welcome")
        return participant


def condition(reason: str, status: str = "False") -> dict[str, object]:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "conditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": "",
                "lastTransitionTime": moment,
            }
        ]
    }


async def make_room(shim: Shim, namespace: str) -> Room:
    response = await shim.client.post("/v1/halls", json={"name": "Standup"})
    made = response.json()
    name = "h-" + made["hall_id"][2:]
    uid = kubectl("get", "halls", name, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    pod = StandIn(
        install=shim.install,
        hall_uid=uid,
        address=f"127.0.1.{next(_addresses)}",
        port=int(shim.environ["RELAY_POD_SIGNALLING_PORT"]),
    )
    return Room(shim, namespace, made["hall_id"], made["join_token"], pod)


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


async def test_the_host_gets_ice_servers_then_whatever_the_pod_says(room):
    room.ready()
    host = await room.join()
    ice = await host.expect("ice")
    assert await host.next() == {"type": "welcome", "you": "host"}
    (server,) = ice["servers"]
    assert server["urls"] == ["turn:turn.test:3478"]
    expiry, _, identity = server["username"].partition(":")
    assert identity == "host"
    assert 21_500 < int(expiry) - time.time() <= 21_600
    digest = hmac.new(room.shim.install.turn, server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(digest).decode()
    (assertion,) = room.pod.assertions
    assert (assertion["sub"], assertion["role"]) == ("host", "host")
    assert assertion["exp"] - assertion["iat"] == 30
    await host.send({"type": "mute", "text": "größe"})
    assert await host.next() == {"type": "echo", "of": {"type": "mute", "text": "größe"}}
    await host.close()


async def test_an_invitation_lets_each_tab_in_as_a_person_with_its_own_name(room):
    room.ready()
    response = await room.shim.client.post(
        f"/v1/halls/{room.hall_id}/tokens", json={"invite": True, "role": "viewer"}
    )
    assert response.status_code == 201
    assert set(response.json()) == {"join_token", "identity", "role", "expires_at"}
    token = response.json()["join_token"]
    await room.inside(token, session="a" * 32, name=" Ada\u202e ")
    await room.inside(token, session="b" * 32)
    one, two = room.pod.assertions
    assert one["sub"] != two["sub"]
    assert one["sub"] == "guest-" + hashlib.sha256(b"a" * 32).hexdigest()[:8]
    assert one["name"] == "Ada"
    assert two["name"] == two["sub"]
    assert one["role"] == "viewer"


async def test_only_an_invitation_may_choose_its_name(room):
    room.ready()
    await room.inside(room.join_token(), name="Somebody else")
    assert room.pod.assertions[0]["name"] == "Ada"


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


async def test_a_closed_hall_lets_nobody_in(room):
    room.ready()
    await room.shim.client.delete(f"/v1/halls/{room.hall_id}")
    code, last = await (await room.join()).ending()
    assert (code, last["code"]) == (4005, "hall_closed")
    refused = await room.shim.client.post(f"/v1/halls/{room.hall_id}/tokens", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "hall_closed")


async def test_a_hall_that_is_removed_while_people_wait_is_gone_for_them(room):
    participant = await room.join()
    await participant.expect("waiting")
    kubectl("delete", "halls", room.name, "-n", room.namespace)
    code, last = await participant.ending()
    assert code in {4004, 4005}
    assert last["code"] in {"hall_not_found", "hall_closed"}
    code, last = await (await room.join()).ending()
    assert (code, last["code"]) == (4004, "hall_not_found")


async def test_bad_tokens_are_refused_with_their_reason(room):
    room.ready()
    hour = timedelta(hours=1)
    past = datetime.now(UTC) - hour
    for token, expected in (
        ("", "token_invalid"),
        ("x.y.z", "token_invalid"),
        (room.token[:-3], "token_invalid"),
        (room.join_token(hall_uid="another")[:-1] + "A", "token_invalid"),
        (room.join_token(issued_at=past - hour, expires_at=past), "token_expired"),
    ):
        participant = await room.join(token)
        code, last = await participant.ending()
        assert (code, last["code"]) == (4001, expected)
    assert room.pod.knocks == 0


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


async def refusal(participant: Participant) -> tuple[int, str]:
    code, last = await participant.ending()
    assert last is not None
    return code, last.get("code", "")


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
