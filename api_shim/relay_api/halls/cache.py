"""The halls of every namespace, kept by the watch and by our own writes.

Reads always see own writes: what the API server answered to a write is put in at once, and the
watch, which tells of it later, never puts an older version over a newer one.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from relay_api.halls.view import HallView, SortKey, Status
from relay_api.kube.client import Object
from relay_api.kube.versions import version_of
from relay_api.metrics import Metrics
from relay_crds import Hall, PermanentError

_log = logging.getLogger(__name__)

_REMEMBERED_REMOVALS: Final = 10_000


class HallCache:
    """An index of Halls by UID, by id and in order of creation. Implements ``kube.Store``."""

    def __init__(self, metrics: Metrics) -> None:
        self._by_uid: dict[str, HallView] = {}
        self._by_id: dict[tuple[str, str], HallView] = {}
        self._order: dict[str, list[SortKey]] = {}
        self._removed: OrderedDict[str, None] = OrderedDict()
        self._changes: dict[str, asyncio.Event] = {}
        metrics.halls.set_function(lambda: len(self._by_uid))

    # -- reading ---------------------------------------------------------------------------

    def get(self, namespace: str, hall_id: str) -> HallView | None:
        return self._by_id.get((namespace, hall_id))

    def by_uid(self, uid: str) -> HallView | None:
        return self._by_uid.get(uid)

    def page(
        self, namespace: str, *, status: Status | None, after: SortKey | None, limit: int
    ) -> list[HallView]:
        """Up to ``limit`` halls, newest first, that were created before ``after``."""
        order = self._order.get(namespace, [])
        start = len(order) if after is None else bisect_left(order, after)
        found: list[HallView] = []
        for index in range(start - 1, -1, -1):
            view = self._by_id[namespace, order[index][1]]
            if status is None or view.status is status:
                found.append(view)
                if len(found) == limit:
                    break
        return found

    def change_of(self, uid: str) -> asyncio.Event:
        """An event that is set at the next change of this Hall, also at its removal.

        Ask for it before looking at the Hall: then no change falls in between.
        """
        event = self._changes.get(uid)
        if event is None:
            event = self._changes[uid] = asyncio.Event()
        return event

    # -- writing ---------------------------------------------------------------------------

    def put(self, obj: Object) -> HallView | None:
        """Take in a Hall, unless a newer version is known; returns the newer of the two.

        None for one that was removed meanwhile, or that no Relay can read.
        """
        view = _view(obj)
        if view is None:
            return None
        uid = view.hall.meta.uid
        if uid in self._removed:
            return None
        known = self._by_uid.get(uid)
        if known is not None:
            if view.version <= known.version:
                return known
            self._drop(known)
        namesake = self._by_id.get((view.hall.meta.namespace, view.hall_id))
        if namesake is not None:  # the same name again: deleted, and made anew
            if view.version <= namesake.version:
                return None
            self._drop(namesake)
        self._add(view)
        self._tell(uid)
        return view

    def remove(self, obj: Object) -> None:
        """Forget a Hall that was deleted, for good: a late answer does not bring it back."""
        self._forget(str((obj.get("metadata") or {}).get("uid") or ""))

    def replace(self, objects: list[Object], resource_version: str) -> None:
        """Take over a whole list, made at ``resource_version``.

        What was written after the list was made stays; what it lacks was deleted.
        """
        at = version_of(resource_version)
        listed: set[str] = set()
        for obj in objects:
            if view := self.put(obj):
                listed.add(view.hall.meta.uid)
        gone = [
            uid for uid, view in self._by_uid.items() if uid not in listed and view.version <= at
        ]
        for uid in gone:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        if not uid:
            return
        self._removed[uid] = None
        if len(self._removed) > _REMEMBERED_REMOVALS:
            self._removed.popitem(last=False)
        if known := self._by_uid.get(uid):
            self._drop(known)
        self._tell(uid)

    def _add(self, view: HallView) -> None:
        namespace = view.hall.meta.namespace
        self._by_uid[view.hall.meta.uid] = view
        self._by_id[namespace, view.hall_id] = view
        insort(self._order.setdefault(namespace, []), view.sort_key)

    def _drop(self, view: HallView) -> None:
        namespace = view.hall.meta.namespace
        del self._by_uid[view.hall.meta.uid]
        del self._by_id[namespace, view.hall_id]
        order = self._order[namespace]
        del order[bisect_left(order, view.sort_key)]
        if not order:
            del self._order[namespace]

    def _tell(self, uid: str) -> None:
        # A fresh event each time: whoever waits on the old one wakes, and asks for the next.
        if event := self._changes.pop(uid, None):
            event.set()


class TenancyCache:
    """Accounts by namespace, or Plans by name: the raw objects. Implements ``kube.Store``."""

    def __init__(self) -> None:
        self._objects: Mapping[tuple[str, str], Object] = {}

    def get(self, namespace: str, name: str) -> Object | None:
        return self._objects.get((namespace, name))

    def replace(self, objects: list[Object], resource_version: str) -> None:  # noqa: ARG002
        self._objects = {_key(obj): obj for obj in objects}

    def put(self, obj: Object) -> None:
        self._objects = {**self._objects, _key(obj): obj}

    def remove(self, obj: Object) -> None:
        self._objects = {key: kept for key, kept in self._objects.items() if key != _key(obj)}


def _key(obj: Object) -> tuple[str, str]:
    meta = obj.get("metadata") or {}
    return str(meta.get("namespace") or ""), str(meta.get("name") or "")


def _view(obj: Object) -> HallView | None:
    try:
        return HallView(Hall.from_object(obj))
    except PermanentError as error:
        _log.error("a Hall that cannot be read is left out: %s", error)
        return None
