"""kopf as an informer: it lists and watches, we take the raw events, and it writes nothing.

kopf ends every task of the event loop that it runs in, so it gets a thread and a loop of its own;
our process owns that thread. Only low-level ``on.event`` handlers are registered: those need no
finalizer, no annotation and no patch. Deletions that a relist hides are found by the resync.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import kopf

from relay_crds.names import (
    ACCOUNTS,
    GROUP,
    HALL_CLASSES,
    HALLS,
    MEDIA_POD_MANAGER,
    MEDIA_POD_NAME,
    PLANS,
    VERSION,
    Label,
)
from relay_operator.cluster.access import Access

_log: Final = logging.getLogger(__name__)
_CHUNK: Final = 500
_SERVER_TIMEOUT: Final = 300
_OUTAGE_BACKOFFS: Final = (0.5, 1.0, 1.0, 2.0, 2.0, *(3.0,) * 200)
"""Seconds between tries while the API server is away, for ten minutes. Kopf's own grow to 21 s, and
for so long it would see nothing of a cluster that is back: five watches may ask more often."""
POD_SELECTOR: Final = f"{Label.MANAGED_BY}={MEDIA_POD_MANAGER},{Label.NAME}={MEDIA_POD_NAME}"

Sink = Callable[[str, str | None, dict[str, Any]], None]
"""Called with the resource's plural name, the event's type (``None`` when listed), the object."""


class Informer:
    """One run of kopf in a thread. ``sink`` and ``ended`` are called in the loop that made it."""

    def __init__(
        self, access: Access, namespaces: Sequence[str], sink: Sink, ended: Callable[[], None]
    ) -> None:
        """Prepare; ``start`` runs it."""
        self._access = access
        self._namespaces = tuple(namespaces)
        self._sink = sink
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="informer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    async def stop(self) -> None:
        """Return when the thread has ended, or after ten seconds without it."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 10)

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except Exception:  # noqa: BLE001 - whatever it was, our process and its pulls go on
            _log.exception("the informer failed; it is started again")
        if not self._stop.is_set():
            self._call(self._ended)

    async def _watch(self) -> None:
        # kopf warns that a thread gets no signals; the process's own handlers do.
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
        scope: dict[str, Any] = (
            {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        )
        await kopf.operator(
            registry=self._registry(),
            settings=informer_settings(),
            standalone=True,
            stop_flag=self._stop,
            **scope,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for plural in (HALLS, HALL_CLASSES, ACCOUNTS, PLANS):
            kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"see-{plural}")(
                self._handler(plural)
            )
        kopf.on.event("", "v1", "pods", registry=registry, id="see-pods")(self._handler("pods"))
        return registry

    def _handler(self, plural: str) -> Callable[..., Any]:
        async def seen(event: dict[str, Any], **_: object) -> None:
            self._call(self._sink, plural, event["type"], event["object"])

        return seen

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._stop.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    async def _login(self, **_: object) -> kopf.ConnectionInfo:
        connection = await self._access.connection(fresh=True)
        return kopf.ConnectionInfo(
            server=connection.server,
            ca_path=connection.ca_file,
            certificate_path=connection.certificate_file,
            private_key_path=connection.key_file,
            scheme="Bearer" if connection.token else None,
            token=connection.token,
            insecure=not connection.verify,
        )


def informer_settings() -> kopf.OperatorSettings:
    """Kopf's settings for a reader: bounded lists and watches, and every writing part off."""
    settings = kopf.OperatorSettings()
    settings.watching.chunk_size = _CHUNK
    settings.watching.server_timeout = _SERVER_TIMEOUT
    settings.watching.client_timeout = _SERVER_TIMEOUT + 15
    settings.watching.connect_timeout = 10
    settings.watching.label_selectors["", "v1", "pods"] = POD_SELECTOR
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = _OUTAGE_BACKOFFS
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 1.0
    settings.process.ultimate_exiting_timeout = None
    settings.persistence.finalizer = f"{GROUP}/never-used"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    return settings
