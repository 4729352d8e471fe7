"""One long poll to every pod that serves a hall: the source of counts, and how loss is noticed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from relay_operator.cluster.state import HallKey
from relay_operator.control.answers import EventsPage
from relay_operator.control.client import PodAddress
from relay_operator.control.reports import Reports
from relay_operator.errors import KeyRefusedError, PodConflictError, PodUnreachableError
from relay_operator.metrics import EVENT_GAPS, KNOWN_EVENTS, POD_EVENTS

_log: Final = logging.getLogger(__name__)
_WAIT_MIN: Final = 5
_WAIT_MAX: Final = 25
_POLLS_PER_SECOND: Final = 50
_PROBE_SECONDS: Final = 0.5
_REFUSED_SECONDS: Final = 10.0
"""Until a pod is asked again that does not know our key: it has only to be seen to live."""
_BREATH_SECONDS: Final = 0.1


class EventSource(Protocol):
    """What the puller needs of ``PodClient``."""

    async def events(self, pod: PodAddress, *, after: int, wait: int) -> EventsPage: ...


class Puller:
    """Tasks by pod UID. ``changed`` is called with the Hall whose pod said something new."""

    def __init__(
        self, client: EventSource, reports: Reports, changed: Callable[[HallKey], None]
    ) -> None:
        """Pull from no pod yet."""
        self._client = client
        self._reports = reports
        self._changed = changed
        self._tasks: dict[str, tuple[HallKey, asyncio.Task[None]]] = {}
        self._of: dict[HallKey, str] = {}

    def follow(self, key: HallKey, pod: PodAddress | None) -> None:
        """Pull from this pod of the Hall and from no other; ``None`` for none at all."""
        current = self._of.get(key)
        if pod is not None and current == pod.pod_uid:
            return
        if current is not None:
            self._stop(current)
        if pod is not None:
            task = asyncio.create_task(self._pull(key, pod), name=f"events of {pod.pod_uid}")
            self._tasks[pod.pod_uid] = (key, task)
            self._of[key] = pod.pod_uid

    def __len__(self) -> int:
        return len(self._tasks)

    async def close(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for pod_uid in list(self._tasks):
            self._stop(pod_uid)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wait(self) -> int:
        """Seconds that a poll may be quiet: short for few halls, and 50 polls a second for many.

        A lost node is noticed by the kernel whatever this is. It is a process that stands still on
        a node that lives which only a missing answer tells of.
        """
        return max(_WAIT_MIN, min(_WAIT_MAX, len(self._tasks) // _POLLS_PER_SECOND))

    def _stop(self, pod_uid: str) -> None:
        key, task = self._tasks.pop(pod_uid)
        del self._of[key]
        task.cancel()

    async def _pull(self, key: HallKey, pod: PodAddress) -> None:
        answering = True
        while True:
            after = self._reports.get(pod.pod_uid).sequence
            try:
                # After a failure, ask for an answer at once: a long poll would tell nothing.
                page = await self._client.events(
                    pod, after=after, wait=self._wait() if answering else 0
                )
            except KeyRefusedError as error:
                answering = False
                self._refused(key, pod, error)
                await asyncio.sleep(_REFUSED_SECONDS)
                continue
            except (PodUnreachableError, PodConflictError) as error:
                answering = False
                if isinstance(error, PodConflictError):
                    self._reports.conflicting(pod.pod_uid)
                if self._reports.failed(pod.pod_uid):
                    _log.info(
                        "a media pod does not answer",
                        extra={
                            "namespace": key.namespace,
                            "hall": key.name,
                            "pod_uid": pod.pod_uid,
                            "reason": str(error),
                        },
                    )
                self._changed(key)
                await asyncio.sleep(_PROBE_SECONDS)
                continue
            answering = True
            self._take(key, page)
            # Whatever a pod answers, and however fast, it costs us at most ten polls a second.
            await asyncio.sleep(_BREATH_SECONDS)

    def _refused(self, key: HallKey, pod: PodAddress, error: KeyRefusedError) -> None:
        if self._reports.refused(pod.pod_uid):
            _log.warning(
                "a media pod refuses our key",
                extra={
                    "namespace": key.namespace,
                    "hall": key.name,
                    "pod_uid": pod.pod_uid,
                    "reason": str(error),
                },
            )
            self._changed(key)

    def _take(self, key: HallKey, page: EventsPage) -> None:
        for kind in page.types:
            POD_EVENTS.labels(kind if kind in KNOWN_EVENTS else "other").inc()
        if page.gap:
            EVENT_GAPS.inc()
        if self._reports.heard(page):
            self._changed(key)
