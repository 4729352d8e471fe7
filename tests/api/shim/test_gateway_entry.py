"""The signalling gateway: who gets in, and as whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta


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


async def test_a_closed_hall_lets_nobody_in(room):
    room.ready()
    await room.shim.client.delete(f"/v1/halls/{room.hall_id}")
    code, last = await (await room.join()).ending()
    assert (code, last["code"]) == (4005, "hall_closed")
    refused = await room.shim.client.post(f"/v1/halls/{room.hall_id}/tokens", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "hall_closed")


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
