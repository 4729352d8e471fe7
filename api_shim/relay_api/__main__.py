"""``python -m relay_api``: one process, one event loop, two ports."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from types import FrameType
from typing import Final

import uvicorn

from relay_api.errors import PermanentError, TransientError
from relay_api.gateway.client import MAX_FRAME_BYTES
from relay_api.log import configure
from relay_api.metrics import Metrics
from relay_api.runtime import Runtime
from relay_api.settings import Settings
from relay_api.web.app import build_app

_log = logging.getLogger("relay_api")

CLOSE_SECONDS: Final = 10


class Server(uvicorn.Server):
    """Leaves the Service before it closes its doors.

    After SIGTERM it says that it is not ready, and goes on serving until the Service has had the
    time to send nobody here. Then uvicorn closes every WebSocket with 1012 (service restart), so
    that clients come back at once, to another replica.
    """

    def __init__(self, config: uvicorn.Config, runtime: Runtime, drain_seconds: float) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._runtime.draining or not self.started or not self._drain_seconds:
            super().handle_exit(sig, frame)
            return
        self._runtime.draining = True
        _log.info("asked to end: draining for %.1f s", self._drain_seconds)
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(
            loop.call_later, self._drain_seconds, super().handle_exit, sig, None
        )


def main() -> int:
    try:
        settings = Settings.from_environ(os.environ)
    except PermanentError as error:
        configure("INFO")
        _log.error("%s", error)
        return 2
    configure(settings.log_level)
    metrics = Metrics()
    runtime = Runtime(settings, os.environ, metrics)
    config = uvicorn.Config(
        build_app(settings, runtime, metrics),
        host=settings.bind,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        http="h11",
        ws="websockets-sansio",
        # One frame above the limit is let in, so that it is refused in words.
        ws_max_size=4 * MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=15.0,
        ws_ping_timeout=15.0,
        h11_max_incomplete_event_size=32 * 1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=CLOSE_SECONDS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=2048,
    )
    try:
        Server(config, runtime, settings.drain_seconds).run()
    except (PermanentError, TransientError) as error:
        _log.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
