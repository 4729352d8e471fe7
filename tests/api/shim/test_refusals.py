"""A refusal carries its request's id, and Kubernetes' own words."""

from __future__ import annotations

import json

from api.shim.deployed import until
from api.shim.refusals import assert_problem
from conftest import kubectl


async def test_a_request_id_is_taken_over_or_made_and_never_trusted_blindly(shim):
    given = await shim.client.get("/v2", headers={"X-Request-Id": "mine-42"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == "mine-42"
    made = await shim.client.get("/v2", headers={"X-Request-Id": 'a"b' + "x" * 500})
    assert made.headers["x-request-id"].startswith("req_")
    assert made.json()["request_id"] == made.headers["x-request-id"]


async def test_what_kubernetes_refuses_is_told_in_its_words(shim, tenant):
    """A quota that a cluster's operator sets is beyond our own checks."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "halls", "namespace": tenant},
        "spec": {"hard": {"count/halls.relay.dev": "1"}},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(quota))

    async def refused() -> bool:
        response = await shim.client.post("/v1/halls", json={"name": "x"})
        if response.status_code == 201:
            return False
        assert_problem(response, 403, "quota_exceeded")
        return True

    await until(refused, "the quota counts")
