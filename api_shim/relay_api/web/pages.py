"""The join page and its modules: static files under a strict policy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).resolve().parent.parent / "static"

# Everything comes from here, nothing inline. 'self' covers the page's own WebSocket (CSP 3), and
# cameras are streams of the page's own, for which media-src counts only where a blob is played.
_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Permissions-Policy": (
        "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), "
        "speaker-selection=(self), fullscreen=(self), geolocation=(), payment=(), usb=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

router = APIRouter()


@router.api_route("/join/{hall_id}", methods=["GET", "HEAD"])
async def join_page(hall_id: str) -> Response:  # noqa: ARG001 - the page reads its own address
    # One page for every hall: what is behind an id is told to those with a token only.
    return FileResponse(STATIC / "join.html", media_type="text/html", headers=_PAGE_HEADERS)


class StaticModules(StaticFiles):
    """Scripts and styles. Names stay the same between releases, so a browser asks each time.

    With ``ETag`` and ``Last-Modified`` that costs a 304 without a body.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
