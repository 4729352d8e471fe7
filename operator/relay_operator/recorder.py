"""Kubernetes Events (events.k8s.io/v1): told to people, never relied upon by anybody."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from relay_crds import Hall
from relay_crds.names import API_VERSION
from relay_operator.errors import PermanentError, TransientError
from relay_operator.plan import EmitEvent

_log: Final = logging.getLogger(__name__)
_QUEUE_MAX: Final = 2_000
_BURST: Final = 10.0
_REFILL_PER_SECOND: Final = 1 / 30
_NOTE_MAX: Final = 1_000
_BUCKETS_MAX: Final = 20_000


class EventSink(Protocol):
    """What the recorder needs of ``KubeApi``."""

    async def create_event(self, event: dict[str, Any]) -> None: ...


@dataclass(kw_only=True)
class _Bucket:
    tokens: float
    at: float


class Recorder:
    """Writes Events in the background; a Hall in a loop gets ten and then one in 30 s."""

    def __init__(self, sink: EventSink, *, instance: str, clock: Callable[[], float]) -> None:
        """``instance``: this process's name in the Events. ``clock``: monotonic seconds."""
        self._sink = sink
        self._instance = instance[:128]
        self._clock = clock
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_QUEUE_MAX)
        self._buckets: dict[str, _Bucket] = {}

    def emit(self, hall: Hall, event: EmitEvent) -> None:
        """Write it soon, or drop it where there are too many."""
        if not self._allowed(hall.meta.uid) or self._queue.full():
            return
        self._queue.put_nowait(self._object(hall, event))

    async def run(self) -> None:
        """Write what was emitted, one after the other, for ever."""
        while True:
            event = await self._queue.get()
            try:
                await self._sink.create_event(event)
            except (PermanentError, TransientError) as error:
                # A namespace on its way out refuses Events, and an outage loses them: so be it.
                _log.debug("an Event was not written", extra={"reason": str(error)})

    def _allowed(self, uid: str) -> bool:
        now = self._clock()
        bucket = self._buckets.pop(uid, None) or _Bucket(tokens=_BURST, at=now)
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) * _REFILL_PER_SECOND)
        bucket.at = now
        self._buckets[uid] = bucket  # at the end: the front is the one not used for longest
        if len(self._buckets) > _BUCKETS_MAX:
            del self._buckets[next(iter(self._buckets))]
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _object(self, hall: Hall, event: EmitEvent) -> dict[str, Any]:
        meta = hall.meta
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta.name}.{secrets.token_hex(8)}",
                "namespace": meta.namespace,
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": event.type.value,
            "reason": event.reason,
            "note": event.message[:_NOTE_MAX],
            "action": "Reconcile",
            "reportingController": "relay.dev/operator",
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": "Hall",
                "namespace": meta.namespace,
                "name": meta.name,
                "uid": meta.uid,
            },
        }
