"""The bodies of the REST contract as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any, Final

from relay_api.credentials.tokens import Role
from relay_api.halls import bodies
from relay_api.problems import Code
from relay_crds.hall import DEFAULT_MAX_PARTICIPANTS

Node = dict[str, Any]

TIME: Final[Node] = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-01-31T12:00:00.000Z"],
}
HALL_ID: Final[Node] = {"type": "string", "pattern": "^h_[0-9a-hjkmnp-tv-z]{20}$"}


def schemas() -> Node:
    """The schemas by name. None allows a property that it does not list."""
    name = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_NAME}
    cap: Node = {"type": "integer", "minimum": 1, "maximum": bodies.MAX_PARTICIPANTS}
    metadata = {"type": "object", "maxProperties": bodies.MAX_METADATA_KEYS}
    low, high = bodies.TOKEN_SECONDS
    return {
        "NewHall": _closed(
            {
                "name": name,
                "max_participants": {**cap, "default": DEFAULT_MAX_PARTICIPANTS},
                "record": {"type": "boolean", "default": False},
                "moderation": {"type": "boolean", "default": False},
                "metadata": {**metadata, "default": {}},
            },
            required=["name"],
        ),
        "CreatedHall": _closed(
            {"hall_id": HALL_ID, "join_token": {"type": "string"}, "created_at": TIME}
        ),
        "Hall": _closed(
            {
                "hall_id": HALL_ID,
                "name": {"type": "string"},
                "status": {"type": "string", "enum": ["active", "closed"]},
                "max_participants": cap,
                "record": {"type": "boolean"},
                "moderation": {"type": "boolean"},
                "participant_count": {"type": "integer", "minimum": 0},
                "metadata": {"type": "object"},
                "created_at": TIME,
                "closed_at": {"anyOf": [TIME, {"type": "null"}]},
            }
        ),
        "NewToken": _closed(
            {
                "identity": {**name, "maxLength": bodies.MAX_IDENTITY},
                "name": name,
                "role": {"type": "string", "enum": list(Role), "default": Role.PARTICIPANT},
                "ttl_seconds": {
                    "type": "integer",
                    "minimum": low,
                    "maximum": high,
                    "default": bodies.DEFAULT_TOKEN_SECONDS,
                },
                "invite": {"type": "boolean", "default": False},
            },
            required=[],
        ),
        "Token": _closed(
            {
                "join_token": {"type": "string"},
                "identity": {"type": "string"},
                "role": {"type": "string", "enum": list(Role)},
                "expires_at": TIME,
            }
        ),
        "Problem": _problem_schema(),
    }


def _problem_schema() -> Node:
    text = {"type": "string"}
    complaint = _closed({"field": text, "message": text})
    schema = _closed(
        {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "instance": {"type": "string", "format": "uri-reference"},
            "code": {"type": "string", "enum": list(Code)},
            "request_id": text,
        }
    )
    schema["properties"]["errors"] = {"type": "array", "items": complaint}
    return {**schema, "description": "RFC 9457. Programs decide by `code`."}


def _closed(properties: Node, *, required: list[str] | None = None) -> Node:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties) if required is None else required,
        "properties": properties,
    }
