"""``/v1/halls``: the REST contract. Bodies are made by hand, byte for byte as documented."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from relay_api.credentials.tokens import JoinToken, Role, issue
from relay_api.halls.bodies import NewToken, read_new_hall, read_new_token
from relay_api.halls.view import HallView, Status
from relay_api.problems import Code, ProblemError
from relay_api.web.context import Context, context_of
from relay_api.web.requests import body_of, caller_of, list_query, position_of
from relay_crds import format_time

HOST_TOKEN_LIFETIME: Final = timedelta(hours=24)
STALE_HEADER: Final = "Relay-Stale"

router = APIRouter()


@router.post("/v1/halls")
async def create_hall(request: Request) -> Response:
    caller = caller_of(request)
    context = context_of(request)
    wanted = read_new_hall(await body_of(request))
    view = await context.halls.create(caller.namespace, wanted)
    host = NewToken(
        identity="host",
        name="Host",
        role=Role.HOST,
        ttl_seconds=int(HOST_TOKEN_LIFETIME.total_seconds()),
    )
    token, _ = _sign(context, view, host)
    body = {
        "hall_id": view.hall_id,
        "join_token": token,
        "created_at": format_time(view.hall.created_at),
    }
    return _secret_json(body, {"Location": _address(context, f"/v1/halls/{view.hall_id}")})


@router.api_route("/v1/halls", methods=["GET", "HEAD"])
async def list_halls(request: Request) -> Response:
    caller = caller_of(request)
    context = context_of(request)
    status, limit, after = list_query(request)
    position = None
    if after is not None:
        position = context.halls.sort_key(caller.namespace, after) or position_of(after)
    page = context.halls.page(caller.namespace, status=status, after=position, limit=limit)
    cap = context.halls.cap(caller.namespace)
    headers = _freshness(context)
    if page.more:
        query = {"status": status.value} if status else {}
        query |= {"limit": str(limit), "after": page.halls[-1].hall_id}
        address = _address(context, f"/v1/halls?{urlencode(query)}")
        headers["Link"] = f'<{address}>; rel="next"'
    body = b"[" + b",".join([view.json(cap) for view in page.halls]) + b"]"
    return Response(body, headers=headers, media_type="application/json")


@router.api_route("/v1/halls/{hall_id}", methods=["GET", "HEAD"])
async def get_hall(request: Request, hall_id: str) -> Response:
    caller = caller_of(request)
    context = context_of(request)
    view = await context.halls.get(caller.namespace, hall_id)
    body = view.json(context.halls.cap(caller.namespace))
    return Response(body, headers=_freshness(context), media_type="application/json")


@router.delete("/v1/halls/{hall_id}")
async def close_hall(request: Request, hall_id: str) -> Response:
    caller = caller_of(request)
    await context_of(request).halls.close(caller.namespace, hall_id)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


@router.post("/v1/halls/{hall_id}/tokens")
async def create_token(request: Request, hall_id: str) -> Response:
    caller = caller_of(request)
    context = context_of(request)
    wanted = read_new_token(await body_of(request, optional=True))
    view = await context.halls.get(caller.namespace, hall_id)
    if view.status is Status.CLOSED:
        raise ProblemError(Code.HALL_CLOSED, "This hall is closed for good; create another one.")
    token, claims = _sign(context, view, wanted)
    body = {
        "join_token": token,
        "identity": claims.identity,
        "role": claims.role.value,
        "expires_at": format_time(claims.expires_at),
    }
    return _secret_json(body, {})


def _sign(context: Context, view: HallView, wanted: NewToken) -> tuple[str, JoinToken]:
    identity = wanted.identity
    if identity is None:
        identity = "guest" if wanted.invite else f"p-{secrets.token_hex(8)}"
    now = context.now().replace(microsecond=0)
    token = JoinToken(
        hall_uid=view.hall.meta.uid,
        hall_id=view.hall_id,
        identity=identity,
        name=wanted.name or ("" if wanted.invite else identity),
        role=wanted.role,
        issued_at=now,
        expires_at=now + timedelta(seconds=wanted.ttl_seconds),
        invite=wanted.invite,
    )
    return issue(token, context.credentials.signing.get()[0]), token


def _secret_json(body: dict[str, str], headers: dict[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text, 201, headers={"Cache-Control": "no-store", **headers}, media_type="application/json"
    )


def _freshness(context: Context) -> dict[str, str]:
    """No cache may keep a hall; and while Kubernetes is away, say how old the answer may be."""
    headers = {"Cache-Control": "no-store"}
    if stale := context.halls.stale_seconds:
        headers[STALE_HEADER] = f"{stale:.0f}"
    return headers


def _address(context: Context, path: str) -> str:
    return f"{context.settings.public_url}{path}"
