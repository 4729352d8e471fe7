"""Carrying out a plan's actions, in order. The only code of the operator that writes anything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay_crds import Hall, HallStatus
from relay_crds.names import FINALIZER, MEDIA_POD_MANAGER, Label
from relay_operator import log
from relay_operator.cluster.state import ClusterState
from relay_operator.control.client import PodAddress
from relay_operator.control.reports import Reports
from relay_operator.errors import (
    AlreadyExistsError,
    GoneError,
    KeyRefusedError,
    PodConflictError,
    PodUnreachableError,
    RejectedError,
)
from relay_operator.expectations import Expectations
from relay_operator.memory import HallMemory
from relay_operator.metrics import PODS_LOST, READY_SECONDS
from relay_operator.outside import Cluster, EventRecorder, PodControl
from relay_operator.patches import merge_patch
from relay_operator.plan import (
    Action,
    AddFinalizer,
    AssignPod,
    ClosePod,
    CreatePod,
    DeleteHall,
    DeletePod,
    EmitEvent,
    PatchStatus,
    RecordLoss,
    RemoveFinalizer,
    RequeueAfter,
)
from relay_operator.pod_template import PodInputs, build_pod

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``again``: something was learnt that the plan did not know; plan anew at once.

    ``after``: seconds to the next look, where the plan asked for one.
    """

    again: bool = False
    after: float | None = None


class Applier:
    """Applies plans. ``clock``: the time of day."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        pods: PodControl,
        state: ClusterState,
        reports: Reports,
        expectations: Expectations,
        recorder: EventRecorder,
        inputs: PodInputs,
        clock: Callable[[], datetime],
    ) -> None:
        """Write through these; ``state`` learns the answers, so it never lags our own writes."""
        self._cluster = cluster
        self._pods = pods
        self._state = state
        self._reports = reports
        self._expectations = expectations
        self._recorder = recorder
        self._inputs = inputs
        self._clock = clock

    async def apply(self, hall: Hall, actions: Sequence[Action], memory: HallMemory) -> Outcome:
        """Carry out the actions until one fails.

        Raises:
            TransientError: as the API server said; the rest of the plan was not carried out.
            PermanentError: likewise.
        """
        after: list[float] = []
        for action in actions:
            match action:
                case RequeueAfter(seconds=seconds):
                    after.append(seconds)
                case EmitEvent() | RecordLoss():
                    self._note(hall, action, memory)
                case AssignPod() | ClosePod():
                    if await self._control(hall, action):
                        return Outcome(again=True)
                case CreatePod():
                    if not await self._create(hall, action, memory):
                        return Outcome(again=True)
                case PatchStatus(status=status):
                    await self._patch_status(hall, status, memory)
                case _:
                    await self._write(hall, action)
        return Outcome(after=min(after, default=None))

    def _note(self, hall: Hall, action: EmitEvent | RecordLoss, memory: HallMemory) -> None:
        if isinstance(action, EmitEvent):
            self._recorder.emit(hall, action)
        elif memory.record(action.loss):
            PODS_LOST.labels(action.loss.reason).inc()
            found = {"pod": action.loss.pod_name, "reason": action.loss.reason}
            _log.warning("a media pod was lost", extra=log.of(hall) | found)

    async def _write(
        self, hall: Hall, action: AddFinalizer | RemoveFinalizer | DeletePod | DeleteHall
    ) -> None:
        match action:
            case DeletePod():
                await self._delete_pod(hall, action)
            case DeleteHall():
                meta = hall.meta
                await self._cluster.delete_hall(
                    meta.namespace, meta.name, uid=meta.uid, version=meta.resource_version
                )
                _log.info("a closed hall's retention is over", extra=log.of(hall))
            case AddFinalizer():
                await self._set_finalizer(hall, wanted=True)
            case RemoveFinalizer():
                await self._set_finalizer(hall, wanted=False)

    async def _set_finalizer(self, hall: Hall, *, wanted: bool) -> None:
        # The list is replaced whole: it and its version are those of one and the same reading, or
        # what somebody else added meanwhile would be taken away.
        current = self._state.halls.get(hall.meta.uid) or hall
        others = [name for name in current.meta.finalizers if name != FINALIZER]
        patch = {
            "metadata": {
                "finalizers": [*others, FINALIZER] if wanted else others,
                "resourceVersion": current.meta.resource_version,
            }
        }
        obj = await self._cluster.patch_hall(hall.meta.namespace, hall.meta.name, patch)
        meta = obj.get("metadata") or {}
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._state.remove_hall(hall.meta.uid)  # that was its last hold
        else:
            self._state.put_hall(obj)

    async def _create(self, hall: Hall, action: CreatePod, memory: HallMemory) -> bool:
        """Create the pod, or adopt it where it exists. False: plan anew, it was refused."""
        meta = hall.meta
        body = build_pod(
            hall,
            action.hall_class,
            name=action.name,
            inputs=self._inputs,
            avoid_node=action.avoid_node,
        )
        self._expectations.expect_create(meta.uid, action.name)
        try:
            obj = await self._cluster.create_pod(body)
        except AlreadyExistsError:
            return await self._adopt(hall, action, memory)
        except RejectedError as error:
            self._reject(hall, action, memory, str(error))
            return False
        finally:
            # The answer is taken in at once, and a lost answer is found again by the name: from
            # here on the cache is as good as the cluster.
            self._expectations.created(meta.uid, action.name)
        self._state.put_pod(obj)
        memory.rejection = None
        _log.info("created a media pod", extra=log.of(hall) | {"pod": action.name})
        return True

    async def _adopt(self, hall: Hall, action: CreatePod, memory: HallMemory) -> bool:
        try:
            obj = await self._cluster.get_pod(hall.meta.namespace, action.name)
        except GoneError:
            return False
        labels = (obj.get("metadata") or {}).get("labels") or {}
        owners = (obj.get("metadata") or {}).get("ownerReferences") or []
        if any(ref.get("controller") and ref.get("uid") == hall.meta.uid for ref in owners):
            self._state.put_pod(obj)
            _log.info("found the media pod made before", extra=log.of(hall) | {"pod": action.name})
            return False
        if labels.get(Label.MANAGED_BY) == MEDIA_POD_MANAGER:
            # An earlier Hall of this name was deleted, and its pod is still saying goodbye.
            memory.taken_names.add(action.name)
            return False
        text = f"a pod {action.name!r} that belongs to somebody else is in the way: remove it"
        self._reject(hall, action, memory, text)
        return False

    def _reject(self, hall: Hall, action: CreatePod, memory: HallMemory, message: str) -> None:
        memory.reject(
            message=message,
            at=self._clock(),
            hall_generation=hall.meta.generation,
            class_version=action.hall_class.meta.resource_version,
        )
        _log.warning("the media pod was refused", extra=log.of(hall) | {"reason": message})

    async def _delete_pod(self, hall: Hall, action: DeletePod) -> None:
        self._expectations.expect_delete(action.uid)
        try:
            obj = await self._cluster.delete_pod(
                hall.meta.namespace, action.name, uid=action.uid, grace=0 if action.force else None
            )
        except GoneError:
            self._state.remove_pod(action.uid)
            return
        except BaseException:
            self._expectations.deleted(action.uid)
            raise
        if action.force or obj.get("kind") != "Pod":
            self._state.remove_pod(action.uid)
        else:
            self._state.put_pod(obj)
        _log.info("deleted a media pod", extra=log.of(hall) | {"pod": action.name})

    async def _patch_status(self, hall: Hall, status: HallStatus, memory: HallMemory) -> None:
        meta = hall.meta
        patch = merge_patch(hall.status.to_object(), status.to_object())
        body = {"metadata": {"uid": meta.uid}, "status": patch}
        obj = await self._cluster.patch_hall_status(meta.namespace, meta.name, body)
        memory.status_written_at = self._clock()
        self._state.put_hall(obj)
        if hall.status.ready_at is None and status.ready_at is not None:
            READY_SECONDS.observe(max(0.0, (status.ready_at - hall.created_at).total_seconds()))
            _log.info("the hall is ready", extra=log.of(hall) | {"pod": status.pod_name})
        if hall.status.closed_at is None and status.closed_at is not None:
            _log.info("the hall is closed", extra=log.of(hall) | {"reason": status.closed_reason})

    async def _control(self, hall: Hall, action: AssignPod | ClosePod) -> bool:
        """Talk to the pod; true where something was learnt that the plan did not know."""
        pod = PodAddress(ip=action.ip, pod_uid=action.uid, hall_uid=hall.meta.uid)
        try:
            if isinstance(action, AssignPod):
                answer = await self._pods.assign(pod, action.assignment)
                cursor = hall.status.event_cursor
                resume_at = cursor.sequence if cursor and cursor.pod_uid == action.uid else 0
                self._reports.assigned(answer, action.assignment, resume_at=resume_at)
            else:
                await self._pods.close(pod, action.reason)
                self._reports.closed(action.uid)
        except PodConflictError:
            self._reports.conflicting(action.uid)
            return True
        except KeyRefusedError as error:
            if self._reports.refused(action.uid):
                told = {"pod": action.name, "reason": str(error)}
                _log.warning("a media pod refuses our key", extra=log.of(hall) | told)
                return True
            return False
        except PodUnreachableError as error:
            self._reports.failed(action.uid)
            if isinstance(action, ClosePod):
                self._reports.asked_to_close(action.uid)
            _log.debug("a pod does not answer", extra=log.of(hall) | {"reason": str(error)})
            return False
        return True
