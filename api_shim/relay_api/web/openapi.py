"""The OpenAPI 3.1 document: written out, so that it says what is true and no more."""

from __future__ import annotations

import json
from typing import Final

from relay_api.problems import MEDIA_TYPE, TYPES, Code
from relay_api.settings import Settings
from relay_api.web.halls import STALE_HEADER
from relay_api.web.requests import MAX_LIMIT
from relay_api.web.schemas import HALL_ID, Node, schemas

_EVERYWHERE: Final = (
    Code.MISSING_API_KEY,
    Code.INVALID_API_KEY,
    Code.RATE_LIMITED,
    Code.INTERNAL_ERROR,
    Code.INSTALL_INCOMPLETE,
    Code.KUBERNETES_UNAVAILABLE,
)
_BODY: Final = (
    Code.BAD_REQUEST,
    Code.MALFORMED_JSON,
    Code.BODY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.VALIDATION_FAILED,
)
_CREATE: Final = (
    *_BODY,
    Code.PLAN_REQUIRED,
    Code.STORAGE_NOT_CONFIGURED,
    Code.QUOTA_EXCEEDED,
    Code.CONFLICT,
)


def document(settings: Settings) -> bytes:
    """The document as UTF-8 JSON. ``public_url``, where it is set, is the server's address."""
    described: Node = {
        "openapi": "3.1.0",
        "info": {
            "title": "Relay",
            "version": settings.version,
            "description": "Managed video rooms on Kubernetes. A hall is one room.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.public_url or "/"}],
        "security": [{"apiKey": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "relay_live_...",
                    "description": "An API key, as Authorization: Bearer relay_live_...",
                }
            },
            "schemas": schemas(),
            "parameters": {
                "hall_id": {"name": "hall_id", "in": "path", "required": True, "schema": HALL_ID}
            },
            "headers": _headers(),
        },
    }
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()


def _paths() -> Node:
    hall = {"$ref": "#/components/schemas/Hall"}
    hall_id = [{"$ref": "#/components/parameters/hall_id"}]
    stale = {STALE_HEADER: {"$ref": "#/components/headers/Stale"}}
    return {
        "/v1/halls": {
            "post": _operation(
                "createHall",
                "Create a hall",
                {"201": _answer("Created", "CreatedHall", {"Location": _header("Location")})},
                _CREATE,
                body="NewHall",
            ),
            "get": _operation(
                "listHalls",
                "List halls, newest first",
                {
                    "200": _response(
                        "At most 100 halls",
                        {"type": "array", "maxItems": MAX_LIMIT, "items": hall},
                        {**stale, "Link": _header("Link")},
                    )
                },
                (Code.VALIDATION_FAILED,),
                parameters=_list_parameters(),
            ),
        },
        "/v1/halls/{hall_id}": {
            "parameters": hall_id,
            "get": _operation(
                "getHall",
                "Get a hall",
                {"200": _response("The hall", hall, stale)},
                (Code.HALL_NOT_FOUND,),
            ),
            "delete": _operation(
                "closeHall",
                "Close a hall",
                {"204": {"description": "Closed, now or before", "headers": _request_id()}},
                (Code.HALL_NOT_FOUND, Code.CONFLICT),
            ),
        },
        "/v1/halls/{hall_id}/tokens": {
            "parameters": hall_id,
            "post": _operation(
                "createToken",
                "Create a join token",
                {"201": _answer("Created", "Token", {})},
                (*_BODY, Code.HALL_NOT_FOUND, Code.HALL_CLOSED),
                body="NewToken",
                body_required=False,
            ),
        },
    }


def _operation(
    name: str,
    summary: str,
    answers: Node,
    codes: tuple[Code, ...],
    *,
    body: str = "",
    body_required: bool = True,
    parameters: list[Node] | None = None,
) -> Node:
    by_status: dict[int, list[Code]] = {}
    for code in (*codes, *_EVERYWHERE):
        by_status.setdefault(TYPES[code][0], []).append(code)
    problems = {str(status): _problem(by_status[status]) for status in sorted(by_status)}
    operation: Node = {
        "operationId": name,
        "summary": summary,
        "responses": {**answers, **problems},
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        schema = {"$ref": f"#/components/schemas/{body}"}
        operation["requestBody"] = {
            "required": body_required,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _problem(codes: list[Code]) -> Node:
    status = TYPES[codes[0]][0]
    headers = _request_id()
    if status in {429, 503}:
        headers["Retry-After"] = _header("Retry-After")
    if status == 401:
        headers["WWW-Authenticate"] = _header("WWW-Authenticate")
    return {
        "description": "; ".join(f"`{code.value}`: {TYPES[code][1]}" for code in codes),
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"properties": {"code": {"enum": [code.value for code in codes]}}},
                    ]
                }
            }
        },
    }


def _answer(description: str, schema: str, headers: Node) -> Node:
    return _response(description, {"$ref": f"#/components/schemas/{schema}"}, headers)


def _response(description: str, schema: Node, headers: Node) -> Node:
    return {
        "description": description,
        "headers": {**_request_id(), **headers},
        "content": {"application/json": {"schema": schema}},
    }


def _request_id() -> Node:
    return {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}


def _header(name: str) -> Node:
    kind = "integer" if name == "Retry-After" else "string"
    return {"schema": {"type": kind}}


def _headers() -> Node:
    return {
        "RequestId": {
            "description": "Given back as it came, or made. It is in every log line.",
            "schema": {"type": "string"},
        },
        "Stale": {
            "description": "Seconds since Kubernetes was last heard of; absent while it answers.",
            "schema": {"type": "integer"},
        },
    }


def _list_parameters() -> list[Node]:
    return [
        {
            "name": "status",
            "in": "query",
            "description": "Only halls of this status; all without it.",
            "schema": {"type": "string", "enum": ["active", "closed"]},
        },
        {
            "name": "limit",
            "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
        },
        {
            "name": "after",
            "in": "query",
            "description": "Halls older than this one: the cursor, as in the Link header.",
            "schema": HALL_ID,
        },
    ]
