"""The process: opens the ports, serves one hall, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator

from aiohttp import web

from relay_media.control.server import ControlServer
from relay_media.control.tokens import KeyRing
from relay_media.errors import PermanentError, SettingsError
from relay_media.hall import Hall
from relay_media.log import JsonFormatter
from relay_media.metrics import Metrics
from relay_media.pod import Pod
from relay_media.settings import Settings
from relay_media.signalling.server import SignallingServer
from relay_media.transport import MediaPort

log = logging.getLogger(__name__)

_STOP_SECONDS = 1.0


async def run(settings: Settings, formatter: JsonFormatter) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a key cannot be used.
        PermanentError: a port cannot be opened.
    """
    began = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    operator_keys = _keys("RELAY_OPERATOR_PUBLIC_KEY", settings.operator_public_keys)
    gateway_keys = _keys("RELAY_GATEWAY_PUBLIC_KEY", settings.gateway_public_keys)
    metrics = Metrics()
    async with contextlib.AsyncExitStack() as stack:
        media = await MediaPort.open(
            bind=settings.bind, port=settings.media_port, advertised=settings.candidates
        )
        stack.push_async_callback(media.close)
        metrics.watch_port(media.stats)

        def assigned(hall: Hall) -> None:
            formatter.context.update(hall_id=hall.id, hall=f"{hall.namespace}/{hall.name}")

        pod = Pod(uid=settings.pod_uid, media=media, metrics=metrics, on_assigned=assigned)
        ready = False
        control = ControlServer(pod=pod, keys=operator_keys, metrics=metrics, ready=lambda: ready)
        signalling = SignallingServer(pod=pod, keys=gateway_keys, metrics=metrics)
        await stack.enter_async_context(
            _listening(control.app(), settings.bind, settings.control_port)
        )
        await stack.enter_async_context(
            _listening(signalling.app(), settings.bind, settings.signalling_port)
        )
        ready = True
        log.info("ready", extra={"seconds": round(time.monotonic() - began, 3)})
        await stop.wait()
        log.info("leaving")
        await pod.shut_down()
        pod.events.end()
    log.info("ended")


@contextlib.asynccontextmanager
async def _listening(app: web.Application, bind: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, bind, port).start()
        except OSError as error:
            raise PermanentError(f"TCP port {port} cannot be opened: {error.strerror}") from error
        yield
    finally:
        await runner.cleanup()


def _keys(name: str, pem: str) -> KeyRing:
    try:
        return KeyRing.from_pem(pem)
    except PermanentError as error:
        raise SettingsError(f"{name}: {error}") from error
