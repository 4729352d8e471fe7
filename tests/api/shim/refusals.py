"""What is refused, and the one shape of every refusal: a stable code, a sentence that helps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx

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


async def assert_refused(quiet: httpx.AsyncClient, case: Case) -> None:
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
