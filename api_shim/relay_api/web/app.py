"""The application: routes, error shapes and middleware around one context."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from relay_api.gateway.route import router as gateway
from relay_api.metrics import Metrics
from relay_api.runtime import Runtime
from relay_api.settings import Settings
from relay_api.web import faults
from relay_api.web.halls import router as halls
from relay_api.web.middleware import RequestMiddleware
from relay_api.web.openapi import document
from relay_api.web.pages import STATIC, StaticModules
from relay_api.web.pages import router as pages

meta = APIRouter()


@meta.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi(request: Request) -> Response:
    return Response(
        request.app.state.openapi,
        media_type="application/json",
        headers={"Cache-Control": "public, max-age=300"},
    )


def build_app(settings: Settings, runtime: Runtime, metrics: Metrics) -> FastAPI:
    """The ASGI application. It opens ``runtime`` when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with runtime.running() as (context, gateway_context):
            app.state.context = context
            app.state.gateway = gateway_context
            yield

    # FastAPI's own documents are off: ours is exact to the status and header.
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    app.state.openapi = document(settings)
    for router in (halls, gateway, pages, meta):
        app.include_router(router)
    app.mount("/static", StaticModules(directory=STATIC))
    faults.install(app, [*halls.routes, *pages.routes, *meta.routes])
    app.add_middleware(RequestMiddleware, metrics=metrics)
    return app
