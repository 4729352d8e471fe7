"""One pass over one Hall: observe, plan, apply; and what becomes of its errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from relay_crds import Hall
from relay_operator import log
from relay_operator.apply import Applier
from relay_operator.cluster.state import ClusterState, HallKey
from relay_operator.control.client import PodAddress
from relay_operator.control.reports import Reports
from relay_operator.errors import ConflictError, GoneError, PermanentError, TransientError
from relay_operator.expectations import Expectations
from relay_operator.memory import HallMemory
from relay_operator.metrics import RECONCILE_SECONDS, RECONCILES
from relay_operator.outside import Cluster
from relay_operator.plan import Limits, Observed, PodState, plan
from relay_operator.workqueue import WorkQueue

_log: Final = logging.getLogger(__name__)
_TURNS_MAX: Final = 6
_PERMANENT_SECONDS: Final = 60.0


class Follower(Protocol):
    """What the reconciler needs of ``Puller``."""

    def follow(self, key: HallKey, pod: PodAddress | None) -> None: ...


@dataclass(kw_only=True)
class Surroundings:
    """What is not of one Hall: written by the process's ticker, read by every pass."""

    outage: bool = False


class Reconciler:
    """Works on Halls by key; ``clock``: the time of day."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        applier: Applier,
        state: ClusterState,
        reports: Reports,
        expectations: Expectations,
        follower: Follower,
        queue: WorkQueue[HallKey],
        limits: Limits,
        surroundings: Surroundings,
        clock: Callable[[], datetime],
    ) -> None:
        """Decide with ``plan`` and act through ``applier``."""
        self._cluster = cluster
        self._applier = applier
        self._state = state
        self._reports = reports
        self._expectations = expectations
        self._follower = follower
        self._queue = queue
        self._limits = limits
        self._surroundings = surroundings
        self._clock = clock
        self._memories: dict[str, HallMemory] = {}
        self._uids: dict[HallKey, str] = {}

    async def work(self) -> None:
        """Take keys from the queue for ever."""
        while True:
            key = await self._queue.get()
            try:
                with RECONCILE_SECONDS.time():
                    outcome = await self.handle(key)
                RECONCILES.labels(outcome).inc()
            finally:
                self._queue.done(key)

    async def handle(self, key: HallKey) -> str:
        """One pass with its errors dealt with; returns how it ended, for the metrics."""
        try:
            await self.reconcile(key)
        except ConflictError:
            await self._refresh(key)
            self._queue.add_failed(key)
            return "conflict"
        except TransientError as error:
            wait = self._queue.add_failed(key, at_least=error.retry_after or 0.0)
            self._tell("a pass failed and is tried again", key, error, wait)
            return "transient"
        except GoneError:
            await self._refresh(key)
            self._queue.add_failed(key)
            return "gone"
        except PermanentError as error:
            # Refused may mean that what it was planned from is old.
            await self._refresh(key)
            wait = self._queue.add_failed(key, at_least=_PERMANENT_SECONDS)
            self._tell("a pass was refused", key, error, wait)
            return "permanent"
        except Exception:  # noqa: BLE001 - one Hall must not end the worker of all the others
            self._queue.add_failed(key, at_least=1.0)
            _log.exception("a pass failed unexpectedly", extra={"hall_key": "/".join(key)})
            return "error"
        self._queue.succeeded(key)
        return "done"

    async def reconcile(self, key: HallKey) -> None:
        """Observe, plan and apply until nothing new is learnt.

        Raises:
            TransientError: a write failed; what was planned behind it was not done.
            PermanentError: likewise.
        """
        for _ in range(_TURNS_MAX):
            hall = self._state.hall(key)
            if hall is None:
                self._forget(key)
                return
            self._uids[key] = hall.meta.uid
            memory = self._memories.setdefault(hall.meta.uid, HallMemory())
            actions = plan(hall, self.observe(hall, memory), self._clock())
            outcome = await self._applier.apply(hall, actions, memory)
            if not outcome.again:
                if outcome.after is not None:
                    self._queue.add_after(key, outcome.after)
                self._follow(key)
                return
        # Six turns without an end would be a fault of the plan: never let it become a hot loop.
        self._queue.add_after(key, 1.0)
        _log.warning("a pass found no end", extra={"hall_key": "/".join(key)})

    def observe(self, hall: Hall, memory: HallMemory) -> Observed:
        """Everything that the plan for this Hall may depend on."""
        state, meta = self._state, hall.meta
        pods = state.pods_of(meta.uid)
        plan_name = state.plan_name_in(meta.namespace)
        return Observed(
            pods=pods,
            hall_class=state.class_named(hall.spec.class_name),
            account=state.account_in(meta.namespace),
            plan=state.plan_named(plan_name),
            plan_name=plan_name,
            reports=self._reports.of(pods),
            expected_creates=self._expectations.creates(meta.uid),
            expected_deletes=self._expectations.deletes(pod.uid for pod in pods),
            taken_names=frozenset(memory.taken_names),
            rejection=memory.rejection,
            streak=memory.streak,
            status_written_at=memory.status_written_at,
            outage=self._surroundings.outage,
            limits=self._limits,
        )

    def _follow(self, key: HallKey) -> None:
        """Pull events from the pod that the Hall's status now names."""
        hall = self._state.hall(key)
        target = None
        if hall is not None and hall.status.endpoint is not None and not hall.paused:
            for pod in self._state.pods_of(hall.meta.uid):
                assigned = self._reports.get(pod.uid).state is PodState.ASSIGNED
                if pod.name == hall.status.pod_name and assigned and pod.ip:
                    target = PodAddress(ip=pod.ip, pod_uid=pod.uid, hall_uid=hall.meta.uid)
        self._follower.follow(key, target)

    def _forget(self, key: HallKey) -> None:
        self._follower.follow(key, None)
        self._queue.forget(key)
        uid = self._uids.pop(key, None)
        if uid is not None:
            self._memories.pop(uid, None)
            self._expectations.forget_hall(uid)

    async def _refresh(self, key: HallKey) -> None:
        """Read the Hall again: what we have of it is old."""
        hall = self._state.hall(key)
        try:
            obj = await self._cluster.get_hall(*key)
        except GoneError:
            if hall is not None:
                self._state.remove_hall(hall.meta.uid)
            return
        except (PermanentError, TransientError) as error:
            self._tell("a hall cannot be read again", key, error, 0.0)
            return
        if hall is not None and obj["metadata"]["uid"] != hall.meta.uid:
            self._state.remove_hall(hall.meta.uid)
        self._state.put_hall(obj)

    def _tell(self, message: str, key: HallKey, error: Exception, wait: float) -> None:
        hall = self._state.hall(key)
        who = log.of(hall) if hall else {"namespace": key.namespace, "hall": key.name}
        _log.warning(message, extra=who | {"reason": str(error), "retry_seconds": wait})
