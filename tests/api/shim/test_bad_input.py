"""Whatever comes in, the answer has one shape, a stable code, and a sentence that helps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx
import pytest

from api.shim.deployed import NO_TLS, until
from conftest import kubectl
from relay_api.credentials.keys import make_key

SHAPE = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@dataclass(frozen=True, kw_only=True)
class Case:
    status: int
    code: str
    says: str
    json: object = None
    content: bytes | None = None
    method: str = "POST"
    path: str = "/v1/halls"
    headers: dict[str, str] = field(default_factory=dict)
    field_name: str | None = None


def named(**body: object) -> dict[str, object]:
    return {"name": "Standup", **body}


CASES = {
    "a body without a name": Case(
        status=422, code="validation_failed", says="name: is required", json={}, field_name="name"
    ),
    "a null name": Case(
        status=422,
        code="validation_failed",
        says="not null",
        json={"name": None},
        field_name="name",
    ),
    "an empty name": Case(
        status=422, code="validation_failed", says="1 to 200", json={"name": ""}, field_name="name"
    ),
    "a blank name": Case(
        status=422, code="validation_failed", says="blank", json={"name": "  "}, field_name="name"
    ),
    "a name of 201 characters": Case(
        status=422,
        code="validation_failed",
        says="it has 201",
        json={"name": "x" * 201},
        field_name="name",
    ),
    "a name of 10,000 characters": Case(
        status=422,
        code="validation_failed",
        says="it has 10000",
        json={"name": "x" * 10_000},
        field_name="name",
    ),
    "a name with a line break": Case(
        status=422,
        code="validation_failed",
        says="control characters",
        json={"name": "a\nb"},
        field_name="name",
    ),
    "a name with half a surrogate pair": Case(
        status=422,
        code="validation_failed",
        says="surrogate",
        content=b'{"name": "\\ud800"}',
        field_name="name",
    ),
    "a name that is a number": Case(
        status=422,
        code="validation_failed",
        says="not a number",
        json={"name": 7},
        field_name="name",
    ),
    "max_participants 0": Case(
        status=422,
        code="validation_failed",
        says="from 1 to 10000; it is 0",
        json=named(max_participants=0),
        field_name="max_participants",
    ),
    "max_participants -1": Case(
        status=422,
        code="validation_failed",
        says="from 1 to 10000",
        json=named(max_participants=-1),
        field_name="max_participants",
    ),
    "max_participants in words": Case(
        status=422,
        code="validation_failed",
        says='whole number from 1 to 10000, not "ten"',
        json=named(max_participants="ten"),
        field_name="max_participants",
    ),
    "max_participants as a string of digits": Case(
        status=422,
        code="validation_failed",
        says='not "10"',
        json=named(max_participants="10"),
        field_name="max_participants",
    ),
    "max_participants true": Case(
        status=422,
        code="validation_failed",
        says="not true",
        json=named(max_participants=True),
        field_name="max_participants",
    ),
    "max_participants 2.5": Case(
        status=422,
        code="validation_failed",
        says="not 2.5",
        json=named(max_participants=2.5),
        field_name="max_participants",
    ),
    "max_participants null": Case(
        status=422,
        code="validation_failed",
        says="not null",
        json=named(max_participants=None),
        field_name="max_participants",
    ),
    "max_participants 10^9": Case(
        status=422,
        code="validation_failed",
        says="it is 1000000000",
        json=named(max_participants=10**9),
        field_name="max_participants",
    ),
    "record as a string": Case(
        status=422,
        code="validation_failed",
        says="true or false",
        json=named(record="yes"),
        field_name="record",
    ),
    "record without storage": Case(
        status=422, code="storage_not_configured", says="record:", json=named(record=True)
    ),
    "moderation below its plan": Case(
        status=403, code="plan_required", says="moderation:", json=named(moderation=True)
    ),
    "metadata as an array": Case(
        status=422,
        code="validation_failed",
        says="not an array",
        json=named(metadata=[]),
        field_name="metadata",
    ),
    "metadata as a string": Case(
        status=422,
        code="validation_failed",
        says="JSON object",
        json=named(metadata="{}"),
        field_name="metadata",
    ),
    "metadata of 17 KiB": Case(
        status=422,
        code="validation_failed",
        says="16384 bytes",
        json=named(metadata={"x": "y" * 17_000}),
        field_name="metadata",
    ),
    "metadata of 65 keys": Case(
        status=422,
        code="validation_failed",
        says="64 keys",
        json=named(metadata={str(n): n for n in range(65)}),
        field_name="metadata",
    ),
    "metadata with an integer beyond 64 bits": Case(
        status=422,
        code="validation_failed",
        says="64 bits",
        json=named(metadata={"n": 2**64}),
        field_name="metadata",
    ),
    "metadata with a number beyond doubles": Case(
        status=422,
        code="validation_failed",
        says="double",
        content=b'{"name":"x","metadata":{"n":1e999}}',
        field_name="metadata",
    ),
    "an unknown field": Case(
        status=422,
        code="validation_failed",
        says="did you mean max_participants? known are name, max_participants, record",
        json=named(max_participant=3),
        field_name="max_participant",
    ),
    "two mistakes": Case(
        status=422,
        code="validation_failed",
        says="(and 1 more)",
        json={"max_participants": 0},
        field_name="max_participants",
    ),
    "an array for a body": Case(
        status=422, code="validation_failed", says="must be a JSON object", json=[1]
    ),
    "a body nested too deeply": Case(
        status=422,
        code="validation_failed",
        says="32 levels",
        content=b'{"name":"x","metadata":' + b'{"a":' * 40 + b"1" + b"}" * 41,
    ),
    "a body nested beyond any stack": Case(
        status=422, code="validation_failed", says="32 levels", content=b"[" * 60_000
    ),
    "malformed JSON": Case(
        status=400, code="malformed_json", says="line 1, column", content=b'{"name": '
    ),
    "an empty body": Case(status=400, code="malformed_json", says="empty", content=b""),
    "NaN": Case(
        status=400,
        code="malformed_json",
        says="number",
        content=b'{"name":"x","metadata":{"a":NaN}}',
    ),
    "a number of 5,000 digits": Case(
        status=400,
        code="malformed_json",
        says="number",
        content=b'{"name":"x","max_participants":' + b"9" * 5000 + b"}",
    ),
    "bytes that are not UTF-8": Case(
        status=400, code="malformed_json", says="not UTF-8", content=b'{"name":"\xff"}'
    ),
    "UTF-16": Case(
        status=400, code="malformed_json", says="not UTF-8", content='{"name":"x"}'.encode("utf-16")
    ),
    "a form": Case(
        status=415,
        code="unsupported_media_type",
        says="application/json",
        content=b"name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "no content type": Case(
        status=415,
        code="unsupported_media_type",
        says="Say what the body is",
        content=b"{}",
        headers={"Content-Type": ""},
    ),
    "a compressed body": Case(
        status=415,
        code="unsupported_media_type",
        says="gzip",
        content=b"{}",
        headers={"Content-Encoding": "gzip"},
    ),
    "a body of 65 KiB": Case(
        status=413,
        code="body_too_large",
        says="65536 bytes",
        json=named(metadata={"x": "y" * 66_000}),
    ),
    "an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="There is no hall h_00000000000000000000",
        method="GET",
        path="/v1/halls/h_00000000000000000000",
    ),
    "a hall id of another form": Case(
        status=404, code="hall_not_found", says="no hall", method="GET", path="/v1/halls/%ff%00x"
    ),
    "deleting an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="no hall",
        method="DELETE",
        path="/v1/halls/h_00000000000000000000",
    ),
    "a token for an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="no hall",
        path="/v1/halls/h_00000000000000000000/tokens",
    ),
    "an unknown route": Case(
        status=404, code="route_not_found", says="/openapi.json", method="GET", path="/v2/halls"
    ),
    "a trailing slash": Case(
        status=404, code="route_not_found", says="nothing", method="GET", path="/v1/halls/"
    ),
    "a method that is not there": Case(
        status=405, code="method_not_allowed", says="GET, HEAD, POST", method="PUT"
    ),
    "an unknown status": Case(
        status=422,
        code="validation_failed",
        says="active or closed",
        method="GET",
        path="/v1/halls?status=open",
        field_name="status",
    ),
    "a limit of 101": Case(
        status=422,
        code="validation_failed",
        says="1 to 100",
        method="GET",
        path="/v1/halls?limit=101",
        field_name="limit",
    ),
    "a limit that is no number": Case(
        status=422,
        code="validation_failed",
        says="1 to 100",
        method="GET",
        path="/v1/halls?limit=%C2%B2",
        field_name="limit",
    ),
    "a cursor that is none": Case(
        status=422,
        code="validation_failed",
        says="hall id",
        method="GET",
        path="/v1/halls?after=x",
        field_name="after",
    ),
    "an unknown parameter": Case(
        status=422,
        code="validation_failed",
        says="known are status, limit, after",
        method="GET",
        path="/v1/halls?staus=active",
        field_name="staus",
    ),
    "a parameter twice": Case(
        status=422,
        code="validation_failed",
        says="once",
        method="GET",
        path="/v1/halls?status=active&status=closed",
        field_name="status",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_bad_input_is_answered_with_its_code_and_a_sentence(quiet, case):
    content = json.dumps(case.json).encode() if case.json is not None else case.content
    headers = {"Content-Type": "application/json"} if content is not None else {}
    response = await quiet.request(
        case.method, case.path, content=content, headers={**headers, **case.headers}
    )
    problem = assert_problem(response, case.status, case.code)
    assert case.says in problem["detail"]
    if case.field_name is not None:
        assert case.field_name in [error["field"] for error in problem["errors"]]
    assert (await quiet.get("/v1/halls")).json() == [], "nothing was made"


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


async def test_a_chunked_body_is_cut_off_at_its_limit(shim):
    async def chunks():
        for _ in range(40):
            yield b" " * 8192

    response = await shim.client.post(
        "/v1/halls", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert_problem(response, 413, "body_too_large")


def assert_problem(response: httpx.Response, status: int, code: str) -> dict:
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert response.status_code == problem["status"] == status, response.text
    assert problem["code"] == code
    assert set(problem) - {"errors"} == SHAPE
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["type"] == f"urn:relay:problem:{code}"
    assert "?" not in problem["instance"]
    return problem
