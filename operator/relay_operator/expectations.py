"""What this process has done and not seen yet: a cache that lags must not make it do it twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

EXPIRY_SECONDS: Final = 300.0
"""After this the cluster is believed again, whatever became of the write."""


class Expectations:
    """Creates by hall UID and pod name, deletes by pod UID. ``clock``: monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Expect nothing yet."""
        self._clock = clock
        self._creates: dict[str, dict[str, float]] = {}
        self._deletes: dict[str, float] = {}

    def expect_create(self, hall_uid: str, name: str) -> None:
        self._creates.setdefault(hall_uid, {})[name] = self._clock() + EXPIRY_SECONDS

    def created(self, hall_uid: str, name: str) -> None:
        """Seen, or known to have failed."""
        names = self._creates.get(hall_uid, {})
        names.pop(name, None)
        if not names:
            self._creates.pop(hall_uid, None)

    def expect_delete(self, pod_uid: str) -> None:
        self._deletes[pod_uid] = self._clock() + EXPIRY_SECONDS

    def deleted(self, pod_uid: str) -> None:
        self._deletes.pop(pod_uid, None)

    def creates(self, hall_uid: str) -> frozenset[str]:
        now = self._clock()
        names = self._creates.get(hall_uid, {})
        return frozenset(name for name, expiry in names.items() if expiry > now)

    def deletes(self, among: Iterable[str]) -> frozenset[str]:
        """Those of these pod UIDs that this process has deleted."""
        now = self._clock()
        return frozenset(uid for uid in among if self._deletes.get(uid, now) > now)

    def forget_hall(self, hall_uid: str) -> None:
        self._creates.pop(hall_uid, None)

    def expire(self) -> None:
        """Drop what is past its time; called with every resync."""
        now = self._clock()
        self._deletes = {uid: expiry for uid, expiry in self._deletes.items() if expiry > now}
        for hall_uid in list(self._creates):
            for name, expiry in list(self._creates[hall_uid].items()):
                if expiry <= now:
                    self.created(hall_uid, name)
