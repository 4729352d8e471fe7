"""The process: everything wired together, started in order and stopped in the reverse."""

from __future__ import annotations

import asyncio
import collections
import logging
import os
import resource
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

from relay_crds.names import ACCOUNTS, HALL_CLASSES, HALLS, PLANS
from relay_operator.apply import Applier
from relay_operator.cluster.access import Access
from relay_operator.cluster.api import KubeApi
from relay_operator.cluster.informer import Informer
from relay_operator.cluster.resync import Resync
from relay_operator.cluster.state import ClusterState, HallKey, key_of
from relay_operator.control.client import PodClient
from relay_operator.control.puller import Puller
from relay_operator.control.reports import Reports
from relay_operator.expectations import Expectations
from relay_operator.health import HealthServer
from relay_operator.keys import load_private_key, load_public_pem, public_pem
from relay_operator.metrics import HALLS_BY_REASON, INFORMER_RESTARTS, PARTICIPANTS, QUEUE_DEPTH
from relay_operator.plan import Limits
from relay_operator.plan.conditions import ready_reason
from relay_operator.pod_template import PodInputs
from relay_operator.reconcile import Reconciler, Surroundings
from relay_operator.recorder import Recorder
from relay_operator.settings import Settings
from relay_operator.tokens import ControlTokens
from relay_operator.workqueue import WorkQueue

_log: Final = logging.getLogger(__name__)
_FIRST_PASS_PER_SECOND: Final = 200
_SWEEP_ROUNDS: Final = 5
_STUCK_SECONDS: Final = 120.0
_RESYNC_STUCK_SECONDS: Final = 600.0
_INFORMER_BACKOFF: Final = (1.0, 2.0, 3.0, 5.0)


def _now() -> datetime:
    return datetime.now(UTC)


class Operator:
    """One operator process. ``run`` returns when it is cancelled."""

    def __init__(self, settings: Settings, access: Access) -> None:
        """Read the keys.

        Raises:
            KeyFileError: a key file cannot be used.
        """
        key = load_private_key(settings.control_key_file)
        inputs = PodInputs(
            operator_public_key=public_pem(key),
            gateway_public_key=load_public_pem(settings.gateway_cert_file),
            media_port=settings.media_port,
            signalling_port=settings.signalling_port,
            control_port=settings.control_port,
            log_level=settings.log_level,
        )
        self._settings = settings
        self._access = access
        self._rounds = 0
        self._known = asyncio.Event()
        self._first_pass = 0
        self._ended = asyncio.Event()
        self._informer: Informer | None = None
        self._queue: WorkQueue[HallKey] = WorkQueue(clock=time.monotonic)
        self._state = ClusterState(self._changed)
        self._reports = Reports(clock=_now)
        self._expectations = Expectations(clock=time.monotonic)
        self._surroundings = Surroundings()
        self._api = KubeApi(access)
        self._pods = PodClient(ControlTokens(key, clock=time.time), port=settings.control_port)
        self._puller = Puller(self._pods, self._reports, self._queue.add)
        self._recorder = Recorder(
            self._api, instance=os.environ.get("HOSTNAME", "local"), clock=time.monotonic
        )
        applier = Applier(
            cluster=self._api,
            pods=self._pods,
            state=self._state,
            reports=self._reports,
            expectations=self._expectations,
            recorder=self._recorder,
            inputs=inputs,
            clock=_now,
        )
        self._reconciler = Reconciler(
            cluster=self._api,
            applier=applier,
            state=self._state,
            reports=self._reports,
            expectations=self._expectations,
            follower=self._puller,
            queue=self._queue,
            limits=Limits(retention=settings.retention),
            surroundings=self._surroundings,
            clock=_now,
        )
        self._resync = Resync(
            self._api,
            self._state,
            namespaces=settings.namespaces,
            interval=settings.resync.total_seconds(),
            listed=self._listed,
        )
        self._health = HealthServer(
            port=settings.health_port, alive=self._amiss, ready=self._not_ready
        )

    async def run(self) -> None:
        """Serve until cancelled. Running halls do not need us, so nothing is closed on the way."""
        _raise_file_limit()
        async with AsyncExitStack() as stack:
            await self._api.open()
            stack.push_async_callback(self._api.close)
            await self._pods.open()
            stack.push_async_callback(self._pods.close_sessions)
            port = await self._health.open()
            stack.push_async_callback(self._health.close)
            stack.push_async_callback(self._puller.close)
            stack.push_async_callback(self._stop_informer)
            _log.info("the operator has started", extra={"health_port": port})
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._resync.run(), name="resync")
                tasks.create_task(self._watch(), name="informer")
                tasks.create_task(self._recorder.run(), name="recorder")
                tasks.create_task(self._tick(), name="ticker")
                for number in range(self._settings.workers):
                    tasks.create_task(self._work(), name=f"worker {number}")

    def _changed(self, key: HallKey) -> None:
        if self._rounds:
            self._queue.add(key)
            return
        # The first pass is spread out: a restart must not start everything at once.
        self._queue.add_after(key, self._first_pass / _FIRST_PASS_PER_SECOND)
        self._first_pass += 1

    async def _work(self) -> None:
        # With half of the picture a Hall's pod would look lost: nobody works before the first
        # round of lists is complete.
        await self._known.wait()
        await self._reconciler.work()

    def _listed(self) -> None:
        self._rounds += 1
        self._known.set()
        self._expectations.expire()
        self._reports.keep_only({pod.uid for pod in self._state.pods})
        if self._rounds == 1:
            _log.info("the cluster is known", extra={"halls": len(self._state.halls)})
        elif self._rounds % _SWEEP_ROUNDS == 0:
            spread = self._settings.resync.total_seconds() / max(1, len(self._state.halls))
            for number, hall in enumerate(self._state.halls):
                self._queue.add_after(key_of(hall), number * spread)

    async def _watch(self) -> None:
        """Keep an informer running; without one, the full lists still carry everything."""
        failures = 0
        await self._known.wait()  # before that, a missing CRD would never be watched
        while True:
            self._ended.clear()
            started = time.monotonic()
            self._informer = Informer(
                self._access, self._settings.namespaces, self._seen, self._ended.set
            )
            self._informer.start()
            await self._ended.wait()
            INFORMER_RESTARTS.inc()
            failures = 0 if time.monotonic() - started > _STUCK_SECONDS else failures + 1
            await asyncio.sleep(_INFORMER_BACKOFF[min(failures, len(_INFORMER_BACKOFF)) - 1])

    def _seen(self, plural: str, kind: str | None, obj: dict[str, Any]) -> None:
        put, remove = {
            HALLS: (self._state.put_hall, self._state.remove_hall),
            "pods": (self._state.put_pod, self._state.remove_pod),
            HALL_CLASSES: (self._state.put_class, self._state.remove_class),
            ACCOUNTS: (self._state.put_account, self._state.remove_account),
            PLANS: (self._state.put_plan, self._state.remove_plan),
        }[plural]
        if kind == "DELETED":
            remove(str(obj["metadata"]["uid"]))
        else:
            put(obj)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._surroundings.outage = self._reports.outage(self._state.pods)
            QUEUE_DEPTH.set(self._queue.depth)
            PARTICIPANTS.set(self._reports.participants())
            reasons = collections.Counter(ready_reason(hall.status) for hall in self._state.halls)
            HALLS_BY_REASON.clear()
            for reason, count in reasons.items():
                HALLS_BY_REASON.labels(reason or "New").set(count)

    async def _stop_informer(self) -> None:
        if self._informer is not None:
            await self._informer.stop()

    def _amiss(self) -> str | None:
        """What only a restart would cure. An outage of the API server is not of that kind."""
        if self._queue.oldest_busy() > _STUCK_SECONDS:
            return "a worker has been at one hall for two minutes"
        if self._queue.oldest_waiting() > _STUCK_SECONDS:
            return "a hall has waited for a worker for two minutes"
        limit = _RESYNC_STUCK_SECONDS + self._settings.resync.total_seconds()
        if time.monotonic() - self._resync.tried_at > limit:
            return "the full list has not been tried for ten minutes"
        return None

    def _not_ready(self) -> str | None:
        return None if self._rounds else "the cluster has not been listed yet"


def _raise_file_limit() -> None:
    """One long poll per hall is one file: take what the container is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
