"""Errors of the control port: RFC 9457 ``application/problem+json`` with a stable ``code``."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web


def problem(status: int, code: str, detail: str, **headers: str) -> web.Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
