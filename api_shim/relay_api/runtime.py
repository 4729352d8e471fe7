"""What runs behind the application: the API server's client, the watches, the health port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from relay_api.credentials.bundle import Credentials
from relay_api.gateway.limits import FailureLimit, Occupancy
from relay_api.gateway.session import Gateway
from relay_api.gateway.waking import Waker
from relay_api.halls.cache import HallCache, TenancyCache
from relay_api.halls.service import Halls
from relay_api.halls.tenancy import Tenancy
from relay_api.health import health_server
from relay_api.kube.client import KubeClient
from relay_api.kube.config import connect, disconnect
from relay_api.kube.reflector import Reflector, Store
from relay_api.metrics import Metrics
from relay_api.settings import Settings
from relay_api.web.context import Context
from relay_crds.names import ACCOUNTS, HALLS, PLANS

_log = logging.getLogger(__name__)


class Runtime:
    """One process. ``draining`` is set when it has been asked to end."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], metrics: Metrics) -> None:
        self._settings = settings
        self._environ = environ
        self._metrics = metrics
        self._reflectors: list[Reflector] = []
        self._watches: list[asyncio.Task[None]] = []
        self.draining = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Context, Gateway]]:
        """Open everything, and close it in reverse."""
        settings, metrics = self._settings, self._metrics
        credentials = Credentials.from_settings(
            settings, on_error=lambda error: _log.error("a Secret was not re-read: %s", error)
        )
        async with AsyncExitStack() as stack:
            api = await connect(self._environ)
            stack.push_async_callback(disconnect, api)
            client = KubeClient(api)
            halls, accounts, plans = HallCache(metrics), TenancyCache(), TenancyCache()
            stores: dict[str, Store] = {HALLS: halls, ACCOUNTS: accounts, PLANS: plans}
            self._reflectors = [
                Reflector(client, plural, store, metrics) for plural, store in stores.items()
            ]
            self._watches = [
                asyncio.create_task(reflector.run(), name=f"watch of {plural}")
                for plural, reflector in zip(stores, self._reflectors, strict=True)
            ]
            stack.push_async_callback(_cancel, self._watches)
            await stack.enter_async_context(
                health_server(
                    bind=settings.bind,
                    port=settings.health_port,
                    metrics=metrics,
                    ailing=self.ailing,
                    unready=self.unready,
                )
            )
            service = Halls(
                client=client,
                cache=halls,
                reflector=self._reflectors[0],
                tenancy=Tenancy(accounts, plans),
                stale_limit_seconds=settings.stale_limit_seconds,
            )
            metrics.sockets.set_function(lambda: gateway.occupancy.open)
            context = Context(
                settings=settings, credentials=credentials, halls=service, metrics=metrics
            )
            gateway = Gateway(
                settings=settings,
                credentials=credentials,
                cache=halls,
                waker=Waker(client),
                failures=FailureLimit(),
                occupancy=Occupancy(settings.max_sockets),
                metrics=metrics,
            )
            yield context, gateway

    def ailing(self) -> str:
        """Why the process should be restarted; nothing while it is well."""
        ended = [task.get_name() for task in self._watches if task.done()]
        return f"ended: {', '.join(ended)}" if ended else ""

    def unready(self) -> str:
        """Why no request should come here; nothing while they should.

        A replica that has lost the API server stays ready: it serves what it knows and says so,
        and so would every other replica be.
        """
        if self.draining:
            return "shutting down"
        if not self._reflectors or not all(found.synced for found in self._reflectors):
            return "the halls have not been read from Kubernetes yet"
        return self.ailing()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()
