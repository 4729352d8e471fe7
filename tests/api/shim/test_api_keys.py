"""What one sees with a good key, with somebody else's, and with none."""

from __future__ import annotations

import httpx
import pytest

from api.shim.deployed import NO_TLS, until
from api.shim.refusals import assert_problem
from relay_api.credentials.keys import make_key

KEYS = {
    "no key": ({}, "missing_api_key"),
    "another scheme": ({"Authorization": "Basic eDp5"}, "invalid_api_key"),
    "an empty key": ({"Authorization": "Bearer"}, "invalid_api_key"),
    "something else": ({"Authorization": "Bearer sk_live_1234"}, "invalid_api_key"),
    "a key with a typing error": (
        {"Authorization": "Bearer relay_live_000000000000000000000000000000AAAAAA"},
        "invalid_api_key",
    ),
    "a well-formed key of nobody": ({"Authorization": "Bearer {unknown}"}, "invalid_api_key"),
}


@pytest.mark.parametrize(("headers", "code"), KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/halls"),
        ("GET", "/v1/halls"),
        ("GET", "/v1/halls/h_00000000000000000000"),
        ("DELETE", "/v1/halls/h_00000000000000000000"),
        ("POST", "/v1/halls/h_00000000000000000000/tokens"),
    ],
)
async def test_without_a_good_key_there_is_nothing_to_see(running, headers, code, method, path):
    unknown = make_key(b"0" * 32)
    headers = {name: value.replace("{unknown}", unknown) for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=running.url, trust_env=False, verify=NO_TLS) as client:
        response = await client.request(method, path, headers=headers)
    assert_problem(response, 401, code)
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert unknown not in response.text


async def test_a_key_sees_the_halls_of_its_own_namespace_only(shim, running, plan):
    hall_id = await shim.create()
    other = "default"
    key = running.install.add_key(other)
    async with httpx.AsyncClient(
        base_url=running.url,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        verify=NO_TLS,
    ) as client:

        async def accepted() -> bool:
            return (await client.get("/v1/halls")).status_code == 200

        await until(accepted, "the other key counts")
        for method, path in (
            ("GET", f"/v1/halls/{hall_id}"),
            ("DELETE", f"/v1/halls/{hall_id}"),
            ("POST", f"/v1/halls/{hall_id}/tokens"),
        ):
            assert_problem(await client.request(method, path), 404, "hall_not_found")
        assert hall_id not in (await client.get("/v1/halls")).text
    running.install.remove_key(key)
    assert (await shim.client.get(f"/v1/halls/{hall_id}")).json()["status"] == "active"


async def test_a_revoked_key_is_refused_within_seconds(shim, running, tenant):
    key = running.install.add_key(tenant)
    async with httpx.AsyncClient(
        base_url=running.url,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        verify=NO_TLS,
    ) as client:

        async def answers(status: int) -> bool:
            return (await client.get("/v1/halls")).status_code == status

        await until(lambda: answers(200), "the key counts")
        running.install.remove_key(key)
        await until(lambda: answers(401), "the key counts no more", seconds=5)
