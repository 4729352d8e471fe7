"""Waking a hall that sleeps: an annotation that the operator reads."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from relay_api.errors import PermanentError, TransientError
from relay_api.kube.client import KubeClient, Object
from relay_crds import Hall, format_time
from relay_crds.names import HALLS, Annotation, ConditionType

_log = logging.getLogger(__name__)


def wake_patch(hall: Hall, now: datetime) -> Object | None:
    """The patch that wakes this hibernated hall; None where it has been asked for already.

    The time is later than the hibernation even where the operator's clock is ahead of ours.
    """
    # Ready stays True all through the sleep: its time is that of the hall's first pod.
    reachable = hall.status.condition(ConditionType.MEDIA_REACHABLE)
    asleep_since = reachable.last_transition_time if reachable else None
    woken = hall.wake_requested_at
    if woken is not None and asleep_since is not None and woken > asleep_since:
        return None
    moment = now
    if asleep_since is not None and moment <= asleep_since:
        moment = asleep_since + timedelta(milliseconds=1)
    return {"metadata": {"annotations": {Annotation.WAKE_REQUESTED_AT: format_time(moment)}}}


class Waker:
    """Sends each hall's patch once, however many wait for it."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._asking: set[str] = set()

    async def wake(self, hall: Hall) -> Object | None:
        """Ask for the hall to be woken; returns the changed object where there was anything to do.

        Failure is not told: whoever waits asks again.
        """
        patch = wake_patch(hall, datetime.now(UTC))
        uid = hall.meta.uid
        if patch is None or uid in self._asking:
            return None
        self._asking.add(uid)
        try:
            return await self._client.patch(HALLS, hall.meta.namespace, hall.meta.name, patch)
        except (PermanentError, TransientError) as error:
            _log.warning("a hall was not woken: %s", error, extra={"hall_id": hall.hall_id})
            return None
        finally:
            self._asking.discard(uid)
