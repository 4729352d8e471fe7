"""Full lists: the truth at start, and once a minute the cure for what watches do not tell."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from relay_crds.names import ACCOUNTS, GROUP, HALL_CLASSES, HALLS, PLANS, VERSION
from relay_operator.cluster.informer import POD_SELECTOR
from relay_operator.cluster.state import ClusterState
from relay_operator.errors import PermanentError, TransientError
from relay_operator.metrics import GHOSTS, RESYNC_SECONDS

_log: Final = logging.getLogger(__name__)
_API: Final = f"/apis/{GROUP}/{VERSION}"
_RETRY_SECONDS: Final = 2.0


class Lister(Protocol):
    """What the resync needs of ``KubeApi``."""

    async def list_all(
        self, path: str, resource: str, *, namespaces: Sequence[str] = (), selector: str = ""
    ) -> tuple[list[dict[str, Any]], int]: ...


class Resync:
    """Lists everything. ``listed`` is called after each complete round."""

    def __init__(
        self,
        api: Lister,
        state: ClusterState,
        *,
        namespaces: Sequence[str],
        interval: float,
        listed: Callable[[], None],
    ) -> None:
        """``interval``: seconds from the end of one round to the start of the next."""
        self._api = api
        self._state = state
        self._namespaces = tuple(namespaces)
        self._interval = interval
        self._listed = listed
        self.tried_at = time.monotonic()

    async def run(self) -> None:
        """Round after round, for ever; an outage of the API server only delays the next."""
        while True:
            self.tried_at = started = time.monotonic()
            try:
                await self.once()
            except (TransientError, PermanentError) as error:
                _log.warning("a full list failed", extra={"reason": str(error)})
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            RESYNC_SECONDS.set(time.monotonic() - started)
            self._listed()
            await asyncio.sleep(self._interval)

    async def once(self) -> None:
        """One round.

        The order matters: a Hall's status names only pods that were there before it was written,
        so the pods are listed after the halls, and what both depend on before either.
        """
        state = self._state
        for path, plural, selector, namespaced, put, remove, cache in (
            (_API, HALL_CLASSES, "", False, state.put_class, state.remove_class, state.classes),
            (_API, PLANS, "", False, state.put_plan, state.remove_plan, state.plans),
            (_API, ACCOUNTS, "", True, state.put_account, state.remove_account, state.accounts),
            (_API, HALLS, "", True, state.put_hall, state.remove_hall, state.halls),
            ("/api/v1", "pods", POD_SELECTOR, True, state.put_pod, state.remove_pod, state.pods),
        ):
            items, version = await self._api.list_all(
                path,
                plural,
                namespaces=self._namespaces if namespaced else (),
                selector=selector,
            )
            for count, obj in enumerate(items):
                put(obj)
                if count % 200 == 199:
                    await asyncio.sleep(0)  # a long list must not hold up a hall that waits
            for uid in cache.ghosts(items, version):
                GHOSTS.inc()
                remove(uid)
