"""What is known of the cluster: maps by UID that never go back in time.

Three sources write them: the informer's events, full lists, and the answers to our own writes. An
older version of an object never replaces a newer one, and a deleted UID never comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

from relay_crds import Account, Hall, HallClass, MalformedObjectError, Plan
from relay_crds.names import DEFAULT_PLAN
from relay_operator.cluster.api import version_of
from relay_operator.plan import Pod

_log: Final = logging.getLogger(__name__)
_TOMBSTONES: Final = 20_000

T = TypeVar("T")


class HallKey(NamedTuple):
    namespace: str
    name: str


class Cache(Generic[T]):
    """The objects of one kind. ``read`` makes a model of a raw object."""

    def __init__(self, read: Callable[[Mapping[str, Any]], T]) -> None:
        """An empty cache."""
        self._read = read
        self._items: dict[str, tuple[int, T]] = {}
        self._gone: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return (value for _, value in list(self._items.values()))

    def get(self, uid: str) -> T | None:
        found = self._items.get(uid)
        return found[1] if found else None

    def put(self, obj: Mapping[str, Any]) -> tuple[T | None, T] | None:
        """Take in an object; returns what was there and what is, or ``None`` if that is not news.

        An object that cannot be read is logged and not taken: one bad object stops nothing else.
        """
        meta = obj.get("metadata") or {}
        uid, version = str(meta.get("uid", "")), version_of(meta)
        old = self._items.get(uid)
        if uid in self._gone or (old is not None and old[0] >= version):
            return None
        try:
            value = self._read(obj)
        except MalformedObjectError as error:
            _log.warning(
                "an object cannot be read",
                extra={"object": meta.get("name"), "uid": uid, "reason": str(error)},
            )
            return None
        self._items[uid] = (version, value)
        return (old[1] if old else None), value

    def remove(self, uid: str) -> T | None:
        self._gone[uid] = None
        while len(self._gone) > _TOMBSTONES:
            del self._gone[next(iter(self._gone))]
        old = self._items.pop(uid, None)
        return old[1] if old else None

    def ghosts(self, listed: Iterable[Mapping[str, Any]], version: int) -> list[str]:
        """UIDs that a list as of ``version`` should have held and did not.

        What was written or created after the list was taken is younger than it, and no ghost.
        """
        present = {str((obj.get("metadata") or {}).get("uid", "")) for obj in listed}
        return [
            uid for uid, (own, _) in self._items.items() if uid not in present and own <= version
        ]


class ClusterState:
    """Everything the operator knows. ``changed`` is called with every Hall that is concerned."""

    def __init__(self, changed: Callable[[HallKey], None]) -> None:
        """Know nothing yet."""
        self._changed = changed
        self.halls: Cache[Hall] = Cache(Hall.from_object)
        self.pods: Cache[Pod] = Cache(Pod.from_object)
        self.classes: Cache[HallClass] = Cache(HallClass.from_object)
        self.accounts: Cache[Account] = Cache(Account.from_object)
        self.plans: Cache[Plan] = Cache(Plan.from_object)
        self._keys: dict[HallKey, str] = {}
        self._pods_of: dict[str, set[str]] = {}

    def hall(self, key: HallKey) -> Hall | None:
        return self.halls.get(self._keys.get(key, ""))

    def pods_of(self, hall_uid: str) -> tuple[Pod, ...]:
        found = (self.pods.get(uid) for uid in self._pods_of.get(hall_uid, ()))
        return tuple(sorted((pod for pod in found if pod), key=lambda pod: pod.name))

    def class_named(self, name: str) -> HallClass | None:
        return next((found for found in self.classes if found.meta.name == name), None)

    def account_in(self, namespace: str) -> Account | None:
        return next((found for found in self.accounts if found.meta.namespace == namespace), None)

    def plan_named(self, name: str) -> Plan | None:
        return next((found for found in self.plans if found.meta.name == name), None)

    def plan_name_in(self, namespace: str) -> str:
        account = self.account_in(namespace)
        return DEFAULT_PLAN if account is None else account.plan_name

    def put_hall(self, obj: Mapping[str, Any]) -> None:
        news = self.halls.put(obj)
        if news is not None:
            key = key_of(news[1])
            self._keys[key] = news[1].meta.uid
            self._changed(key)

    def remove_hall(self, uid: str) -> None:
        old = self.halls.remove(uid)
        if old is not None:
            if self._keys.get(key_of(old)) == uid:
                del self._keys[key_of(old)]
            self._changed(key_of(old))

    def put_pod(self, obj: Mapping[str, Any]) -> None:
        news = self.pods.put(obj)
        if news is None:
            return
        old, pod = news
        self._pods_of.setdefault(pod.hall_uid, set()).add(pod.uid)
        if old is None or old != pod:
            self._pod_changed(pod)

    def remove_pod(self, uid: str) -> None:
        old = self.pods.remove(uid)
        if old is not None:
            siblings = self._pods_of.get(old.hall_uid, set())
            siblings.discard(uid)
            if not siblings:
                self._pods_of.pop(old.hall_uid, None)
            self._pod_changed(old)

    def put_class(self, obj: Mapping[str, Any]) -> None:
        if news := self.classes.put(obj):
            name = news[1].meta.name
            self._touch(hall for hall in self.halls if hall.spec.class_name == name)

    def put_account(self, obj: Mapping[str, Any]) -> None:
        if news := self.accounts.put(obj):
            self._touch_namespace(news[1].meta.namespace)

    def put_plan(self, obj: Mapping[str, Any]) -> None:
        if news := self.plans.put(obj):
            self._touch_plan(news[1].meta.name)

    def remove_class(self, uid: str) -> None:
        if old := self.classes.remove(uid):
            self._touch(hall for hall in self.halls if hall.spec.class_name == old.meta.name)

    def remove_account(self, uid: str) -> None:
        if old := self.accounts.remove(uid):
            self._touch_namespace(old.meta.namespace)

    def remove_plan(self, uid: str) -> None:
        if old := self.plans.remove(uid):
            self._touch_plan(old.meta.name)

    def _pod_changed(self, pod: Pod) -> None:
        hall = self.halls.get(pod.hall_uid)
        if hall is not None:
            self._changed(key_of(hall))

    def _touch(self, halls: Iterable[Hall]) -> None:
        for hall in halls:
            self._changed(key_of(hall))

    def _touch_namespace(self, namespace: str) -> None:
        self._touch(hall for hall in self.halls if hall.meta.namespace == namespace)

    def _touch_plan(self, name: str) -> None:
        self._touch(hall for hall in self.halls if self.plan_name_in(hall.meta.namespace) == name)


def key_of(hall: Hall) -> HallKey:
    return HallKey(hall.meta.namespace, hall.meta.name)
