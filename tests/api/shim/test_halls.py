"""The contract of ``/v1/halls`` against a real API server."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from conftest import kubectl

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_created_hall_answers_201_with_exactly_three_fields_and_its_location(shim):
    before = datetime.now(UTC)
    response = await shim.client.post("/v1/halls", json={"name": "Standup"})
    assert response.status_code == 201
    body = response.json()
    assert list(body) == ["hall_id", "join_token", "created_at"]
    assert re.fullmatch(r"h_[0-9a-hjkmnp-tv-z]{20}", body["hall_id"])
    assert response.headers["location"] == f"/v1/halls/{body['hall_id']}"
    assert TIME.fullmatch(body["created_at"])
    created = datetime.fromisoformat(body["created_at"])
    assert abs((created - before).total_seconds()) < 5


async def test_a_hall_object_has_exactly_the_fields_of_the_contract(shim):
    hall_id = await shim.create(metadata={"team": "core", "n": [1, {"x": None}]})
    response = await shim.client.get(f"/v1/halls/{hall_id}")
    assert response.status_code == 200
    hall = response.json()
    assert TIME.fullmatch(hall.pop("created_at"))
    assert hall == {
        "hall_id": hall_id,
        "name": "Standup",
        "status": "active",
        "max_participants": 50,
        "record": False,
        "moderation": False,
        "participant_count": 0,
        "metadata": {"team": "core", "n": [1, {"x": None}]},
        "closed_at": None,
    }
    (listed,) = (await shim.client.get("/v1/halls")).json()
    assert listed == response.json()


async def test_max_participants_above_the_plan_is_capped_not_refused(shim):
    hall_id = await shim.create(max_participants=10_000)
    assert (await shim.client.get(f"/v1/halls/{hall_id}")).json()["max_participants"] == 60


async def test_a_deleted_hall_is_closed_at_once_and_deleting_again_is_no_error(shim):
    hall_id = await shim.create()
    assert (await shim.client.delete(f"/v1/halls/{hall_id}")).status_code == 204
    hall = (await shim.client.get(f"/v1/halls/{hall_id}")).json()
    assert hall["status"] == "closed"
    assert TIME.fullmatch(hall["closed_at"])
    assert (await shim.client.delete(f"/v1/halls/{hall_id}")).status_code == 204
    assert (await shim.client.get(f"/v1/halls/{hall_id}")).json() == hall
    listed = (await shim.client.get("/v1/halls?status=closed")).json()
    assert [found["hall_id"] for found in listed] == [hall_id]
    assert (await shim.client.get("/v1/halls?status=active")).json() == []


async def test_a_hall_made_over_rest_is_an_ordinary_object_for_kubectl(shim, tenant):
    hall_id = await shim.create(max_participants=7, metadata={"a": 1})
    name = "h-" + hall_id[2:]
    found = json.loads(kubectl("get", "halls", name, "-n", tenant, "-o", "json"))
    assert found["spec"]["displayName"] == "Standup"
    assert found["spec"]["maxParticipants"] == 7
    assert found["spec"]["metadata"] == {"a": 1}
    assert found["spec"]["desiredState"] == "Open"
    await shim.client.delete(f"/v1/halls/{hall_id}")
    found = json.loads(kubectl("get", "halls", name, "-n", tenant, "-o", "json"))
    assert found["spec"]["desiredState"] == "Closed"
    assert TIME.fullmatch(found["metadata"]["annotations"]["relay.dev/close-requested-at"])
