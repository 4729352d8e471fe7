"""List and watch: the way a copy of the API server's objects is kept true.

After a list at resourceVersion R the watch continues from R, and after a broken watch from the
last version seen (bookmarks keep that one young). Only where the API server no longer knows it
(410) is the list read again, and the copy replaced in one step.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, Protocol

from relay_api.errors import GoneError, PermanentError, TransientError
from relay_api.kube.client import KubeClient, Object
from relay_api.kube.versions import version_of
from relay_api.metrics import Metrics

_log = logging.getLogger(__name__)

PAGE: Final = 500
_WATCH_SECONDS: Final = (240, 300)
_BACKOFF_SECONDS: Final = (0.2, 3.0)
_STABLE_SECONDS: Final = 5.0


class Store(Protocol):
    """What a reflector feeds. ``resource_version`` is that of the whole list."""

    def replace(self, objects: list[Object], resource_version: str) -> None: ...
    def put(self, obj: Object) -> object: ...
    def remove(self, obj: Object) -> None: ...


class Reflector:
    """Feeds one kind into a store, for as long as ``run`` runs."""

    def __init__(
        self,
        client: KubeClient,
        plural: str,
        store: Store,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._plural = plural
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._synced = asyncio.Event()
        self._resource_version = ""
        self._moved = asyncio.Event()
        self._broken_since: float | None = clock()

    @property
    def synced(self) -> bool:
        """Whether a whole list has been read since the process started."""
        return self._synced.is_set()

    @property
    def stale_seconds(self) -> float:
        """For how long no watch has been up; 0 while one is."""
        return 0.0 if self._broken_since is None else self._clock() - self._broken_since

    async def wait_synced(self) -> None:
        await self._synced.wait()

    async def reached(self, version: int, *, within: float) -> bool:
        """Wait until the copy is as new as ``version``; False after ``within`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while version_of(self._resource_version) < version:
                    await self._moved.wait()
                return True
        return False

    async def run(self) -> None:
        """List and watch until cancelled."""
        delay = _BACKOFF_SECONDS[0]
        while True:
            started = self._clock()
            try:
                if not self._resource_version:
                    await self._list()
                await self._watch()
            except GoneError:
                self._resource_version = ""
                self._metrics.relists.labels(kind=self._plural).inc()
            except (TransientError, PermanentError) as error:
                self._broken_since = self._broken_since or self._clock()
                if self._clock() - started > _STABLE_SECONDS:
                    delay = _BACKOFF_SECONDS[0]
                _log.warning("watch of %s broke, again in %.1f s: %s", self._plural, delay, error)
                self._metrics.watch_failures.labels(kind=self._plural).inc()
                # Jitter, so that replicas do not come back in step.
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
                delay = min(delay * 2, _BACKOFF_SECONDS[1])
            else:
                delay = _BACKOFF_SECONDS[0]
                if self._clock() - started < 1.0:
                    await asyncio.sleep(1.0)  # something in between cuts every watch at once

    async def _list(self) -> None:
        objects: list[Object] = []
        token = ""
        while True:
            page = await self._client.list_page(self._plural, limit=PAGE, continue_token=token)
            objects += page.get("items") or ()
            meta = page.get("metadata") or {}
            token = meta.get("continue") or ""
            if not token:
                break
        version = str(meta.get("resourceVersion") or "")
        self._store.replace(objects, version)
        self._advance(version)
        self._synced.set()

    async def _watch(self) -> None:
        seconds = random.randint(*_WATCH_SECONDS)  # noqa: S311 - spreads the replicas' watches
        events = self._client.watch(
            self._plural, resource_version=self._resource_version, seconds=seconds
        )
        async with aclosing(events):
            async for event in events:
                self._broken_since = None
                self._apply(event)

    def _apply(self, event: Object) -> None:
        obj = event.get("object") or {}
        version = (obj.get("metadata") or {}).get("resourceVersion")
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                self._store.put(obj)
            case "DELETED":
                self._store.remove(obj)
            case _:
                pass  # OPENED says that the watch is up; of a BOOKMARK only its version matters
        if version:
            self._advance(str(version))

    def _advance(self, version: str) -> None:
        self._resource_version = version
        # A fresh event each time: whoever waits on the old one wakes, and looks again.
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
