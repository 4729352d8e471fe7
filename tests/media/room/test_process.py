"""The process as the operator and Kubernetes see it."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media.room.client import Client
from media.room.pod import Pod, environment, free_port, public_pem

IDLE_RSS_KIB = 80 * 1024


async def test_an_idle_pod_starts_quickly_and_stays_under_80_mb(idle_pod: Pod) -> None:
    # CPU time: how long it takes by the clock depends on what else the machine does.
    assert idle_pod.cpu_seconds() < 1.5
    ready = next(line for line in idle_pod.log_lines() if line["message"] == "ready")
    assert ready["seconds"] < 1
    assert idle_pod.memory_kib() <= IDLE_RSS_KIB
    status = await idle_pod.status()
    assert status["state"] == "idle"
    assert status["hall_uid"] is None


async def test_probes_and_metrics_need_no_token_and_name_nobody(pod: Pod) -> None:
    async with Client(pod, "alice-secret") as client:
        await client.join()
        for path in ("/healthz", "/readyz", "/metrics"):
            url = f"http://127.0.0.1:{pod.control_port}{path}"
            async with pod.http.get(url) as response:
                assert response.status == 200
                text = await response.text()
        assert "relay_media_participants 1.0" in text
        assert "alice-secret" not in text
        assert "alice-secret" not in pod.log_path.read_text()
        assert "relay-halls/demo" in pod.log_path.read_text()


async def test_assigning_again_updates_the_cap_and_another_hall_is_refused(pod: Pod) -> None:
    status, body = await pod.assign(cap=3)
    assert (status, body["max_participants"], body["state"]) == (200, 3, "assigned")
    pod.hall_uid = "hall-uid-2"
    status, body = await pod.assign()
    assert (status, body["code"]) == (409, "already_assigned")


@pytest.mark.parametrize(
    "change",
    [
        {"pod": "another-pod"},
        {"aud": "another-hall"},
        {"aud": ["hall-uid-1"]},
        {"iss": "somebody"},
        {"exp": 1},
        {"exp": 32503680000},
        {"exp": None},
        {"jti": None},
        {"pod": None},
        {"iat": None},
    ],
)
async def test_a_control_token_with_a_wrong_claim_opens_nothing(
    pod: Pod, change: dict[str, object]
) -> None:
    token = pod.control_token(**change)
    for method, path in (("GET", "/status"), ("GET", "/events"), ("POST", "/close")):
        status, body = await pod.control(method, path, token=token)
        assert (status, body["code"]) == (401, "unauthorized")
    assert (await pod.status())["state"] == "assigned"


async def test_a_token_of_an_unknown_key_or_of_the_gateway_opens_no_control(pod: Pod) -> None:
    pod.operator_key, right = Ed25519PrivateKey.generate(), pod.operator_key
    forged = pod.control_token()
    pod.operator_key = right
    for token in (forged, pod.gateway_token("alice"), "x", "a.b.c", "é" * 5000):
        status, _ = await pod.control("GET", "/status", token=token)
        assert status in (400, 401)


@pytest.mark.parametrize(
    "body", [[], {"hall_uid": "hall-uid-1"}, {"max_participants": "ten"}, {"codecs": ["H265"]}]
)
async def test_a_bad_assignment_says_what_is_wrong(idle_pod: Pod, body: object) -> None:
    status, answer = await idle_pod.control("POST", "/assign", body)
    assert (status, answer["code"]) == (400, "bad_request")
    status, answer = await idle_pod.assign(max_participants=0)
    assert "max_participants" in answer["detail"]
    status, answer = await idle_pod.control("DELETE", "/assign")
    assert (status, answer["code"]) == (405, "method_not_allowed")


async def test_events_are_numbered_and_wake_a_waiting_reader(pod: Pod) -> None:
    waiting = asyncio.create_task(pod.events(after=1, wait=20))
    async with Client(pod, "alice") as client:
        await client.join()
        events = await asyncio.wait_for(waiting, 5)
        assert [event["type"] for event in events] == ["participant.joined"]
        assert events[0]["sequence"] == 2
        assert events[0]["data"]["identity"] == "alice"
        await client.send(type="leave")
        assert await client.closed() == 1000
    events = await pod.events(after=2, wait=5)
    assert events[0]["type"] == "participant.left"
    assert events[0]["data"]["reason"] == "left"
    assert events[0]["data"]["duration_seconds"] >= 0
    status = await pod.status()
    assert status["participants"] == 0
    assert status["empty_since"] is not None


async def test_closing_tells_everyone_within_a_second_and_again_harms_nothing(pod: Pod) -> None:
    clients = [Client(pod, f"p{number}") for number in range(8)]
    for client in clients:
        await client.join()
    began = time.monotonic()
    status, body = await pod.control("POST", "/close", {"reason": "deleted"})
    assert time.monotonic() - began < 1
    assert (status, body["state"], body["participants"]) == (200, "closed", 0)
    for client in clients:
        assert await client.expect("bye") == {
            "type": "bye",
            "reason": "hall_closed",
            "reconnect": False,
        }
        assert await client.closed(1) == 4005
        assert not [m for m in client.messages if m["type"] == "participant_left"]
    assert time.monotonic() - began < 1.5
    assert (await pod.control("POST", "/close", {"reason": "deleted"}))[0] == 200
    assert (await pod.assign())[0] == 409
    assert [event["type"] for event in await pod.events()][-1] == "hall.closed"
    late = Client(pod, "late")
    await late.connect()
    await late.send(type="join", v=1, session=late.session, resume=False)
    assert (await late.expect("error"))["code"] == "hall_closed"
    assert await late.closed() == 4005


async def test_sigterm_says_goodbye_flushes_events_and_ends(pod: Pod) -> None:
    client = Client(pod, "alice")
    await client.join()
    after = (await pod.status())["sequence"]
    waiting = asyncio.create_task(pod.events(after=after, wait=30))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    assert await pod.stop() == 0
    assert time.monotonic() - began < 5
    assert (await client.expect("bye"))["reconnect"] is True
    assert (await client.expect("bye"))["reason"] == "server_shutdown"
    assert await client.closed() == 4010
    events = await waiting
    assert events[0]["data"]["reason"] == "server_shutdown"


async def test_a_leaving_pod_sends_nobody_away_for_good(pod: Pod) -> None:
    """Who came while it waited for its last events to be read was told that the hall is closed."""
    early, bob = Client(pod, "early"), Client(pod, "bob")
    await early.join()
    await bob.connect()
    assert await pod.events()
    stopping = asyncio.create_task(pod.stop())
    assert (await early.expect("bye"))["reconnect"] is True
    token = pod.gateway_token("late")
    async with pod.http.get(
        f"http://127.0.0.1:{pod.signalling_port}/rtc",
        headers={"Authorization": f"Bearer {token}"},
    ) as response:
        assert response.status == 503
    await bob.send(type="join", v=1, session=bob.session, resume=False)
    assert (await bob.expect("error"))["code"] == "pod_lost"
    assert await bob.closed() == 4010
    assert await stopping == 0


async def test_an_idle_pod_ends_at_once_and_answers_409_to_a_join(idle_pod: Pod) -> None:
    token = idle_pod.gateway_token("alice")
    async with idle_pod.http.get(
        f"http://127.0.0.1:{idle_pod.signalling_port}/rtc",
        headers={"Authorization": f"Bearer {token}"},
    ) as response:
        assert response.status == 409
    began = time.monotonic()
    assert await idle_pod.stop() == 0
    assert time.monotonic() - began < 2


async def test_a_wrong_setting_is_named_and_ends_the_process_with_status_2() -> None:
    key = public_pem(Ed25519PrivateKey.generate())
    env = environment(key, key, signalling=free_port(), control=free_port(), media=0)
    for name, value in {"RELAY_POD_UID": "", "RELAY_MEDIA_PORT": "x"}.items():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "relay_media",
            env={**env, name: value},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 2
        assert name in output.decode()
