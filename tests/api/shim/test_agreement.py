"""REST, kubectl and several replicas tell the same of the same halls."""

from __future__ import annotations

import asyncio
import json

from jsonschema import Draft202012Validator

from api.shim.deployed import apply, hall_manifest, names, until
from conftest import kubectl


async def test_two_replicas_agree_and_racing_closes_leave_one_time(replicas):
    one, two = replicas(), replicas()
    await asyncio.gather(asyncio.to_thread(one.start), asyncio.to_thread(two.start))
    hall_id = await one.create()
    path = f"/v1/halls/{hall_id}"
    assert (await two.client.get(path)).status_code == 200, "read through on a miss"
    answers = await asyncio.gather(
        *(shim.client.delete(path) for shim in (one, two) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {204}
    first = (await one.client.get(path)).json()["closed_at"]
    assert first is not None

    both = [(await shim.client.get(path)).json() for shim in (one, two)]
    assert both[0] == both[1]
    assert both[0]["closed_at"] == first


async def test_what_one_replica_answered_the_other_tells_at_once(replicas):
    """A client's next request may meet any replica: there is no session affinity."""
    one, two = replicas(), replicas()
    await asyncio.gather(asyncio.to_thread(one.start), asyncio.to_thread(two.start))
    for number in range(40):
        hall_id = await one.create(name=f"n{number}")
        path = f"/v1/halls/{hall_id}"
        assert (await two.client.get(path)).json()["status"] == "active"
        assert (await one.client.delete(path)).status_code == 204
        assert (await two.client.get(path)).json()["status"] == "closed"

        async def listed_as_closed(hall_id: str = hall_id) -> bool:
            closed = (await two.client.get("/v1/halls?status=closed")).json()
            return hall_id in [found["hall_id"] for found in closed]

        await until(listed_as_closed, "the other replica lists it as closed")


async def test_own_writes_are_seen_at_once_under_load(shim):
    async def live(number: int) -> None:
        hall_id = await shim.create(name=f"n{number}")
        path = f"/v1/halls/{hall_id}"
        assert (await shim.client.get(path)).json()["status"] == "active"
        listed = [found["hall_id"] for found in (await shim.client.get("/v1/halls")).json()]
        assert hall_id in listed
        assert (await shim.client.delete(path)).status_code == 204
        assert (await shim.client.get(path)).json()["status"] == "closed"
        active = (await shim.client.get("/v1/halls?status=active")).json()
        assert hall_id not in [found["hall_id"] for found in active]

    for start in range(0, 80, 8):
        await asyncio.gather(*(live(start + offset) for offset in range(8)))


async def test_a_hall_of_kubectl_lives_its_whole_life_over_rest(shim, tenant):
    metadata = {"k": [1, None, "é"]}
    apply(hall_manifest(tenant, "townhall", displayName="Town Hall", metadata=metadata))

    async def listed() -> bool:
        return await names(shim) == ["Town Hall"]

    await until(listed, "the hall is listed")
    (found,) = (await shim.client.get("/v1/halls")).json()
    path = f"/v1/halls/{found['hall_id']}"
    assert (await shim.client.get(path)).json() == found
    assert found["metadata"] == metadata
    assert found["max_participants"] == 50
    assert (await shim.client.post(f"{path}/tokens")).status_code == 201
    status = json.dumps({"status": {"participantCount": 3, "maxParticipants": 20}})
    kubectl(
        "patch", "halls", "townhall", "-n", tenant, "--subresource=status", "--type=merge",
        "-p", status,
    )  # fmt: skip

    async def counted() -> bool:
        hall = (await shim.client.get(path)).json()
        return (hall["participant_count"], hall["max_participants"]) == (3, 20)

    await until(counted, "the status is shown")
    assert (await shim.client.delete(path)).status_code == 204
    assert (await shim.client.get(path)).json()["status"] == "closed"
    kubectl("delete", "halls", "townhall", "-n", tenant)

    async def gone() -> bool:
        return (await shim.client.get(path)).status_code == 404

    await until(gone, "the removed hall is gone")
    assert (await shim.client.delete(path)).status_code == 404


async def test_a_hall_that_kubectl_changes_between_read_and_close_is_closed_all_the_same(
    shim, tenant
):
    hall_id = await shim.create()
    name = "h-" + hall_id[2:]

    async def meddle() -> None:
        for number in range(5):
            await asyncio.to_thread(
                kubectl, "annotate", "halls", name, "-n", tenant, f"x={number}", "--overwrite"
            )

    meddling = asyncio.create_task(meddle())
    assert (await shim.client.delete(f"/v1/halls/{hall_id}")).status_code == 204
    await meddling
    found = json.loads(kubectl("get", "halls", name, "-n", tenant, "-o", "json"))
    assert found["spec"]["desiredState"] == "Closed"


async def test_pages_follow_the_link_header_through_every_hall(shim):
    made = [await shim.create(name=f"n{number}") for number in range(12)]
    seen: list[str] = []
    url = "/v1/halls?status=active&limit=5"
    while url:
        response = await shim.client.get(url)
        page = [found["hall_id"] for found in response.json()]
        assert len(page) <= 5
        seen += page
        url = response.links.get("next", {}).get("url", "")
    assert seen == sorted(made, reverse=True)


async def test_every_answer_is_as_the_openapi_document_says(shim):
    described = (await shim.client.get("/openapi.json")).json()
    hall_id = await shim.create(metadata={"a": None})
    missing = "/v1/halls/h_00000000000000000000"
    for method, template, path, body in (
        ("POST", "/v1/halls", "/v1/halls", {"name": "x"}),
        ("POST", "/v1/halls", "/v1/halls", {"name": ""}),
        ("GET", "/v1/halls", "/v1/halls?limit=1", None),
        ("GET", "/v1/halls/{hall_id}", f"/v1/halls/{hall_id}", None),
        ("GET", "/v1/halls/{hall_id}", missing, None),
        ("POST", "/v1/halls/{hall_id}/tokens", f"/v1/halls/{hall_id}/tokens", {"invite": True}),
        ("DELETE", "/v1/halls/{hall_id}", f"/v1/halls/{hall_id}", None),
        ("GET", "/v1/halls/{hall_id}", f"/v1/halls/{hall_id}", None),
        ("POST", "/v1/halls/{hall_id}/tokens", f"/v1/halls/{hall_id}/tokens", {}),
    ):
        response = await shim.client.request(method, path, json=body)
        answers = described["paths"][template][method.lower()]["responses"]
        answer = answers[str(response.status_code)]
        for header in answer["headers"]:
            optional = header in {"Relay-Stale", "Link"}
            assert optional or header in response.headers, (method, path, header)
        if response.status_code == 204:
            assert response.content == b""
            continue
        kind = response.headers["content-type"].partition(";")[0]
        schema = {**answer["content"][kind]["schema"], "components": described["components"]}
        Draft202012Validator(schema).validate(response.json())


async def test_the_join_page_has_a_strict_policy_and_is_never_kept(running):
    async with running.client_of("") as client:
        page = await client.get("/join/h_00000000000000000000")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        script = await client.get("/static/join/main.js")
        assert script.status_code == 200
        assert "javascript" in script.headers["content-type"]
        again = await client.get(
            "/static/join/main.js", headers={"If-None-Match": script.headers["etag"]}
        )
        assert again.status_code == 304
        for path in ("/static/../settings.py", "/static/%2e%2e/settings.py", "/static/nothing"):
            missing = await client.get(path)
            assert missing.status_code == 404
            assert missing.json()["code"] == "route_not_found"
