"""What can be done with halls, within the namespace of one caller.

Nothing is stored here: a hall is the Hall object. Lists come from the copy that the watch keeps,
one hall from the API server, so that every replica tells at once what any of them has written.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from relay_api.errors import (
    ConflictError,
    KubernetesUnavailableError,
    NotFoundError,
    TransientError,
)
from relay_api.halls.bodies import NewHall
from relay_api.halls.cache import HallCache
from relay_api.halls.tenancy import Tenancy
from relay_api.halls.view import HallView, SortKey, Status
from relay_api.kube.client import KubeClient, Object
from relay_api.kube.reflector import Reflector
from relay_api.problems import Code, ProblemError
from relay_crds import MalformedIdError, Plan, format_time, hall_name_of, new_hall_id
from relay_crds.ids import RANDOM_BYTES
from relay_crds.names import API_VERSION, HALLS, Annotation, DesiredState
from relay_crds.times import to_milliseconds

_CLOSE_ATTEMPTS: Final = 6
_READ_SECONDS: Final = 0.5
"""How long one hall may take to be read anew before the copy's word is given for it."""
_SEEN_SECONDS: Final = 0.25
"""How long a write's answer waits for our own watch to tell of it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """``more``: there are older halls than the last one here."""

    halls: list[HallView]
    more: bool


class Halls:
    """The operations behind ``/v1/halls``. Errors of the API server pass through as they are."""

    def __init__(
        self,
        *,
        client: KubeClient,
        cache: HallCache,
        reflector: Reflector,
        tenancy: Tenancy,
        stale_limit_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._cache = cache
        self._reflector = reflector
        self._tenancy = tenancy
        self._stale_limit_seconds = stale_limit_seconds
        self._clock = clock

    @property
    def stale_seconds(self) -> float:
        """For how long the copy may have missed changes; 0 while the watch is up."""
        return self._reflector.stale_seconds

    def cap(self, namespace: str) -> int | None:
        return self._tenancy.cap(namespace)

    async def create(self, namespace: str, wanted: NewHall) -> HallView:
        """Make a hall.

        Raises:
            ProblemError: ``plan_required`` or ``storage_not_configured``, before anything is made.
        """
        _refuse_what_is_not_there(wanted, self._tenancy.plan(namespace))
        hall_id = new_hall_id(to_milliseconds(self._clock()), secrets.token_bytes(RANDOM_BYTES))
        obj = _object_of(namespace, hall_name_of(hall_id), wanted)
        try:
            made = await self._client.create(HALLS, namespace, obj)
        except KubernetesUnavailableError:
            # The answer may be lost and the hall made. The name is ours: ask once more for it.
            made = await self._create_again(namespace, obj)
        return await self._seen(self._took(made))

    async def get(self, namespace: str, hall_id: str) -> HallView:
        """One hall, from the API server or, while that does not answer, from the copy.

        Raises:
            ProblemError: ``hall_not_found``.
        """
        known = self._cache.get(namespace, hall_id)
        if known is None:
            return await self._read(namespace, hall_id)
        if not self.stale_seconds:
            with contextlib.suppress(TimeoutError, TransientError):
                async with asyncio.timeout(_READ_SECONDS):
                    return await self._read(namespace, hall_id, name=known.hall.meta.name)
        self._refuse_if_too_stale()
        return known

    def page(
        self, namespace: str, *, status: Status | None, after: SortKey | None, limit: int
    ) -> Page:
        """Halls from the copy, newest first.

        Raises:
            KubernetesUnavailableError: the copy is not read yet, or too old to be shown.
        """
        self._refuse_if_too_stale()
        found = self._cache.page(namespace, status=status, after=after, limit=limit + 1)
        return Page(halls=found[:limit], more=len(found) > limit)

    def sort_key(self, namespace: str, hall_id: str) -> SortKey | None:
        """Where a hall stands in the order of creation, if it is known."""
        view = self._cache.get(namespace, hall_id)
        return view.sort_key if view else None

    async def close(self, namespace: str, hall_id: str) -> None:
        """Ask for a hall's end, once: of two racing calls the first one's time counts.

        Raises:
            ProblemError: ``hall_not_found``, or ``conflict`` where others keep changing the hall.
        """
        view = self._cache.get(namespace, hall_id) or await self._read(namespace, hall_id)
        for _ in range(_CLOSE_ATTEMPTS):
            if view.status is Status.CLOSED:
                return
            meta = view.hall.meta
            change: Object = {
                "metadata": {
                    "resourceVersion": meta.resource_version,
                    "annotations": {Annotation.CLOSE_REQUESTED_AT: format_time(self._clock())},
                },
                "spec": {"desiredState": DesiredState.CLOSED.value},
            }
            try:
                changed = await self._client.patch(HALLS, namespace, meta.name, change)
                await self._seen(self._took(changed))
            except ConflictError:
                view = await self._read(namespace, hall_id, name=meta.name)
            except NotFoundError as error:
                raise _not_found(hall_id) from error
            else:
                return
        raise ProblemError(
            Code.CONFLICT, "Others kept changing this hall; try again.", retry_after=1
        )

    async def _create_again(self, namespace: str, obj: Object) -> Object:
        try:
            return await self._client.create(HALLS, namespace, obj)
        except ConflictError:
            return await self._client.get(HALLS, namespace, obj["metadata"]["name"])

    async def _read(self, namespace: str, hall_id: str, *, name: str = "") -> HallView:
        try:
            found = await self._client.get(HALLS, namespace, name or hall_name_of(hall_id))
        except (NotFoundError, MalformedIdError) as error:
            raise _not_found(hall_id) from error
        view = self._took(found)
        if view.hall_id != hall_id:
            raise _not_found(hall_id)
        return view

    async def _seen(self, view: HallView) -> HallView:
        """Wait until our watch tells of a write: then the other replicas' watches do as well.

        A client's next request may meet another replica, and finds there what this one answered.
        """
        if not self.stale_seconds:
            await self._reflector.reached(view.version, within=_SEEN_SECONDS)
        return view

    def _took(self, obj: Object) -> HallView:
        view = self._cache.put(obj)
        if view is None:  # deleted since it answered
            raise _not_found("")
        return view

    def _refuse_if_too_stale(self) -> None:
        if not self._reflector.synced:
            raise KubernetesUnavailableError("The halls have not been read from Kubernetes yet.")
        if self.stale_seconds > self._stale_limit_seconds:
            raise KubernetesUnavailableError(
                "Kubernetes has not answered for so long that what is known here may be wrong."
            )


def _refuse_what_is_not_there(wanted: NewHall, plan: Plan) -> None:
    if wanted.moderation:
        raise ProblemError(
            Code.PLAN_REQUIRED,
            "moderation: this release has no moderation, whatever the account's plan "
            f"{plan.meta.name!r} includes. Leave the field out.",
        )
    if wanted.record:
        raise ProblemError(
            Code.STORAGE_NOT_CONFIGURED,
            "record: this release cannot be given storage for recordings. Leave the field out.",
        )


def _object_of(namespace: str, name: str, wanted: NewHall) -> Object:
    spec: Object = {"displayName": wanted.name, "maxParticipants": wanted.max_participants}
    if wanted.metadata:
        spec["metadata"] = dict(wanted.metadata)
    return {
        "apiVersion": API_VERSION,
        "kind": "Hall",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _not_found(hall_id: str) -> ProblemError:
    named = f" {hall_id[:40]}" if hall_id.isascii() and hall_id.isprintable() else ""
    return ProblemError(
        Code.HALL_NOT_FOUND, f"There is no hall{named} in this account. Was it removed?"
    )
