"""Errors as RFC 9457 tells them: one shape for every error, with a stable ``code``.

``type`` is a URN made of the code. Every code has its status and title in ``TYPES``, which is what
``docs/rest.md`` lists: a test compares the two.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from relay_api.errors import Cause

MEDIA_TYPE: Final = "application/problem+json"


class Code(StrEnum):
    """The stable codes. A program decides by these, never by the words."""

    MALFORMED_JSON = "malformed_json"
    MISSING_API_KEY = "missing_api_key"
    INVALID_API_KEY = "invalid_api_key"
    PLAN_REQUIRED = "plan_required"
    QUOTA_EXCEEDED = "quota_exceeded"
    HALL_NOT_FOUND = "hall_not_found"
    ROUTE_NOT_FOUND = "route_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    HALL_CLOSED = "hall_closed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    VALIDATION_FAILED = "validation_failed"
    STORAGE_NOT_CONFIGURED = "storage_not_configured"
    RATE_LIMITED = "rate_limited"
    BAD_REQUEST = "bad_request"
    INTERNAL_ERROR = "internal_error"
    INSTALL_INCOMPLETE = "install_incomplete"
    KUBERNETES_UNAVAILABLE = "kubernetes_unavailable"


TYPES: Final[Mapping[Code, tuple[int, str]]] = {
    Code.BAD_REQUEST: (400, "The request is not valid HTTP for this resource"),
    Code.MALFORMED_JSON: (400, "The body is not JSON"),
    Code.MISSING_API_KEY: (401, "An API key is needed"),
    Code.INVALID_API_KEY: (401, "The API key is not valid"),
    Code.PLAN_REQUIRED: (403, "The plan does not include this"),
    Code.QUOTA_EXCEEDED: (403, "The namespace's quota is used up"),
    Code.HALL_NOT_FOUND: (404, "No such hall"),
    Code.ROUTE_NOT_FOUND: (404, "No such resource"),
    Code.METHOD_NOT_ALLOWED: (405, "The method is not allowed here"),
    Code.CONFLICT: (409, "The hall changed meanwhile"),
    Code.HALL_CLOSED: (409, "The hall is closed"),
    Code.BODY_TOO_LARGE: (413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "The body must be application/json"),
    Code.VALIDATION_FAILED: (422, "The request is not valid"),
    Code.STORAGE_NOT_CONFIGURED: (422, "Recording needs storage"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.INTERNAL_ERROR: (500, "Relay failed"),
    Code.INSTALL_INCOMPLETE: (503, "This install of Relay is not complete"),
    Code.KUBERNETES_UNAVAILABLE: (503, "Kubernetes does not answer"),
}


class ProblemError(Exception):
    """An answer that is an error. ``retry_after`` is in seconds."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        errors: Sequence[Cause] = (),
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.headers = headers or {}

    @property
    def status(self) -> int:
        return TYPES[self.code][0]


def invalid(errors: Sequence[Cause]) -> ProblemError:
    """422 for fields that are not as they must be; the sentence repeats the first."""
    first = errors[0]
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ProblemError(
        Code.VALIDATION_FAILED,
        f"{first.field}: {first.message}{rest}" if first.field else first.message + rest,
        errors=errors,
    )


def path_of(request: Request) -> str:
    """The path as it was sent, percent-encoded and without the query."""
    raw: bytes = request.scope.get("raw_path") or b""
    return raw.decode("latin-1").partition("?")[0]


def problem_response(problem: ProblemError, *, instance: str, request_id: str) -> Response:
    """The problem as a response; ``instance`` is the path that was asked for, without its query."""
    status, title = TYPES[problem.code]
    body: dict[str, object] = {
        "type": f"urn:relay:problem:{problem.code}",
        "title": title,
        "status": status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code.value,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = [{"field": e.field, "message": e.message} for e in problem.errors]
    headers = {"Cache-Control": "no-store", **problem.headers}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after)))
    # Lone surrogates may come in with a path or a field's name: ASCII escapes carry anything.
    return Response(
        json.dumps(body, separators=(",", ":")), status, headers=headers, media_type=MEDIA_TYPE
    )
