"""Every error as a problem: ours, the framework's, and the API server's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from relay_api.errors import (
    Cause,
    ConflictError,
    CredentialUnavailableError,
    KubernetesUnavailableError,
    RefusedByKubernetesError,
    ThrottledError,
)
from relay_api.problems import Code, ProblemError, path_of, problem_response

_log = logging.getLogger(__name__)

_FIELDS: Final[Mapping[str, str]] = {
    "spec.displayName": "name",
    "spec.maxParticipants": "max_participants",
    "spec.record": "record",
    "spec.moderation": "moderation",
    "spec.metadata": "metadata",
}


def install(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """Replace the framework's error bodies. ``routes`` tell the methods of a 405."""
    known = [route for route in routes if isinstance(route, Route)]

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        return _respond(request, _of_http(request, error, known))

    async def on_problem(request: Request, error: Exception) -> Response:
        return _respond(request, problem_of(error))

    app.add_exception_handler(HTTPException, on_http)
    for kind in (
        ProblemError,
        RequestValidationError,
        KubernetesUnavailableError,
        ThrottledError,
        RefusedByKubernetesError,
        CredentialUnavailableError,
    ):
        app.add_exception_handler(kind, on_problem)


def problem_of(error: Exception) -> ProblemError:
    """The problem that tells of an error to somebody outside."""
    match error:
        case ProblemError():
            return error
        case KubernetesUnavailableError(retry_after=wait):
            _log.warning("kubernetes unavailable: %s", error)
            return ProblemError(
                Code.KUBERNETES_UNAVAILABLE,
                "Kubernetes, which keeps the halls, does not answer just now. Running halls are "
                "not touched by this; try again.",
                retry_after=wait,
            )
        case ThrottledError(retry_after=wait):
            return ProblemError(
                Code.RATE_LIMITED, "Kubernetes asks to slow down; try again.", retry_after=wait
            )
        case RefusedByKubernetesError():
            return _refused(error)
        case CredentialUnavailableError():
            _log.error("a secret cannot be read: %s", error)
            return _incomplete("A mounted Secret cannot be read.")
        case _:
            return ProblemError(Code.BAD_REQUEST, "The request does not fit this resource.")


def _refused(error: RefusedByKubernetesError) -> ProblemError:
    if isinstance(error, ConflictError):
        return ProblemError(
            Code.CONFLICT, "The hall was changed by somebody else; try again.", retry_after=1
        )
    if error.status in {400, 422}:
        causes = [
            Cause(field=_FIELDS.get(cause.field, cause.field), message=cause.message)
            for cause in error.causes
        ]
        return ProblemError(
            Code.VALIDATION_FAILED,
            causes[0].message if causes else "Kubernetes refused the hall as it is.",
            errors=causes,
        )
    if error.status == 403 and "quota" in str(error):
        return ProblemError(
            Code.QUOTA_EXCEEDED,
            "This account may have no more halls: the quota of its namespace is used up. "
            "Close some, or have the quota raised.",
        )
    # What is left says that the install is wrong: no CRD, no namespace, no permission.
    _log.error("the API server refused: %s", error, extra={"kubernetes_status": error.status})
    return _incomplete("Kubernetes refuses Relay what it needs in this account's namespace.")


def _incomplete(what: str) -> ProblemError:
    return ProblemError(
        Code.INSTALL_INCOMPLETE,
        f"{what} Whoever runs this Relay finds the reason by the request_id.",
        retry_after=10,
    )


def _of_http(request: Request, error: HTTPException, routes: list[Route]) -> ProblemError:
    if error.status_code == 404:
        return ProblemError(
            Code.ROUTE_NOT_FOUND, "There is nothing at this address; see /openapi.json."
        )
    if error.status_code == 405:
        methods = sorted(
            method
            for route in routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        ) or ["GET", "HEAD"]
        allowed = ", ".join(methods)
        return ProblemError(
            Code.METHOD_NOT_ALLOWED, f"Allowed here: {allowed}.", headers={"Allow": allowed}
        )
    return ProblemError(Code.BAD_REQUEST, "The request does not fit this resource.")


def _respond(request: Request, problem: ProblemError) -> Response:
    return problem_response(problem, instance=path_of(request), request_id=request.state.request_id)
