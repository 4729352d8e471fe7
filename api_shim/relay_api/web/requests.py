"""What is read off a request before anything is done: the caller, the body, the query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from relay_api.credentials.keyring import Caller
from relay_api.errors import Cause, MalformedKeyError
from relay_api.halls.bodies import MAX_BODY_BYTES
from relay_api.halls.strict_json import printable
from relay_api.halls.view import SortKey, Status
from relay_api.problems import Code, ProblemError, invalid
from relay_api.web.context import context_of
from relay_crds import is_hall_id
from relay_crds.ids import ALPHABET

MAX_LIMIT = 100
BODY_SECONDS = 10.0
_DISCARDED_BYTES = 1024 * 1024
"""So much of a body that is too large is read all the same: whoever still sends while the
connection is closed sees a reset, and not the answer."""


def caller_of(request: Request) -> Caller:
    """Who asks, by the ``Authorization`` header (RFC 6750 §2.1).

    Raises:
        ProblemError: ``missing_api_key`` or ``invalid_api_key``.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        raise ProblemError(
            Code.MISSING_API_KEY,
            "Send an API key in the header: Authorization: Bearer relay_live_...",
            headers={"WWW-Authenticate": 'Bearer realm="relay"'},
        )
    try:
        return context_of(request).credentials.keyring.caller_of(_bearer(scheme, key))
    except MalformedKeyError as error:
        raise ProblemError(
            Code.INVALID_API_KEY,
            str(error),
            headers={"WWW-Authenticate": 'Bearer realm="relay", error="invalid_token"'},
        ) from error


def _bearer(scheme: str, key: str) -> str:
    if scheme.lower() != "bearer":
        raise MalformedKeyError("The scheme must be Bearer: Authorization: Bearer relay_live_...")
    return key.strip()


async def body_of(request: Request, *, optional: bool = False) -> bytes:
    """The body, of which no more than ``MAX_BODY_BYTES`` is ever held.

    Raises:
        ProblemError: ``body_too_large`` or ``unsupported_media_type``.
    """
    received = bytearray()
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY_BYTES:
                    received += chunk
                elif size > _DISCARDED_BYTES:
                    break
    except ClientDisconnect as error:
        raise ProblemError(Code.BAD_REQUEST, "The connection ended within the body.") from error
    except TimeoutError as error:
        raise ProblemError(
            Code.BAD_REQUEST,
            f"The body did not come within {BODY_SECONDS:.0f} s.",
            headers={"Connection": "close"},
        ) from error
    if size > MAX_BODY_BYTES:
        raise _too_large()
    if received or not optional:
        _refuse_other_types(request.headers)
    return bytes(received)


def list_query(
    request: Request,
) -> tuple[Status | None, int, str | None]:
    """``status``, ``limit`` and ``after`` of a list.

    Raises:
        ProblemError: ``validation_failed``.
    """
    known = ("status", "limit", "after")
    causes = [
        Cause(
            field=printable(name[:64]),
            message=f"is not a parameter of this request; known are {', '.join(known)}",
        )
        for name in request.query_params
        if name not in known
    ]
    values = {name: request.query_params.getlist(name) for name in known}
    causes += [
        Cause(field=name, message="may be given once only")
        for name, given in values.items()
        if len(given) > 1
    ]
    status, limit, after = (values[name][-1] if values[name] else None for name in known)
    if status is not None and status not in set(Status):
        causes.append(Cause(field="status", message="must be active or closed"))
    if limit is not None and not (_is_number(limit) and 1 <= int(limit) <= MAX_LIMIT):
        causes.append(Cause(field="limit", message=f"must be a whole number from 1 to {MAX_LIMIT}"))
    if after is not None and not is_hall_id(after):
        causes.append(
            Cause(field="after", message="must be a hall id, as in the Link header of a page")
        )
    if causes:
        raise invalid(causes)
    return Status(status) if status else None, int(limit or MAX_LIMIT), after


def position_of(hall_id: str) -> SortKey:
    """Where a hall that is no longer known stood: its id tells the milliseconds."""
    moment = 0
    for character in hall_id[2:12]:
        moment = moment << 5 | ALPHABET.index(character)
    return moment, hall_id


def _refuse_other_types(headers: Mapping[str, str]) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.partition("charset=")[2].split(";")[0].strip(' "').lower()
    if encoding not in {"", "identity"}:
        detail = (
            f"The body is sent as {printable(encoding[:40])}; send it without Content-Encoding."
        )
    elif not kind.strip():
        detail = "Say what the body is: Content-Type: application/json"
    elif kind.strip().lower() != "application/json":
        detail = f"The body is {printable(kind.strip()[:80])}; send Content-Type: application/json"
    elif charset not in {"", "utf-8", "utf8", "us-ascii"}:
        detail = "JSON is sent as UTF-8."
    else:
        return
    raise ProblemError(
        Code.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Post": "application/json"}
    )


def _too_large() -> ProblemError:
    return ProblemError(
        Code.BODY_TOO_LARGE,
        f"The body may have {MAX_BODY_BYTES} bytes at most.",
        headers={"Connection": "close"},
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
