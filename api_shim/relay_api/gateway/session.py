"""One participant's way through the gateway: admitted, waiting, in the hall, out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from relay_api.credentials.bundle import Credentials
from relay_api.credentials.tokens import Role
from relay_api.credentials.turn import turn_credential
from relay_api.credentials.vouch import vouch
from relay_api.gateway.client import ClientSocket, CloseCode, EndingError
from relay_api.gateway.limits import FailureLimit, Occupancy
from relay_api.gateway.pods import PodClosedError, PodSocket, PodUnreachableError
from relay_api.gateway.situation import Closed, Hopeless, Reachable, Waiting, situation_of
from relay_api.gateway.waking import Waker
from relay_api.halls.cache import HallCache
from relay_api.metrics import Metrics
from relay_api.settings import Settings
from relay_crds import Hall

TELL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = (0.1, 1.0)
WAKE_AGAIN_SECONDS: Final = 5.0
UNKNOWN_SECONDS: Final = 3.0
"""How long a hall may be unknown here: another replica may have made it just now."""
GOODBYE_SECONDS: Final = 0.7
"""How long the pod has to say goodbye in a closed hall, before it is said for it."""

_HALL_CLOSED: Final = "This hall is closed."


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom a join token has let in. ``hall_uid`` is proven by the token's signature."""

    hall_uid: str
    hall_id: str
    identity: str
    name: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """What all the sessions of a process share."""

    settings: Settings
    credentials: Credentials
    cache: HallCache
    waker: Waker
    failures: FailureLimit
    occupancy: Occupancy
    metrics: Metrics


class Session:
    """Runs one connection to its end."""

    def __init__(self, gateway: Gateway, client: ClientSocket, person: Person) -> None:
        self._gateway = gateway
        self._client = client
        self._person = person
        self._started = time.monotonic()

    async def run(self) -> NoReturn:
        """Join the hall and stay in it.

        Raises:
            EndingError: how it ended, to be told to the client.
            ClientGoneError: the client went away.
        """
        await _first_of(self._client.listen(), self._join())
        raise AssertionError("both parts end by raising")

    async def _join(self) -> NoReturn:
        pod = await self._find_pod()
        try:
            self._gateway.metrics.joins.observe(self._waited)
            await self._client.send({"type": "ice", "servers": self._ice_servers()})
            self._client.attached = True
            await _first_of(self._upwards(pod), self._downwards(pod), self._watch(pod))
        finally:
            # Not awaited within a cancelled task: the pod's answer is of no interest any more.
            _in_background(pod.close())
        raise AssertionError("every part ends by raising")

    # -- waiting ---------------------------------------------------------------------------

    async def _find_pod(self) -> PodSocket:
        retry, woken_at = RETRY_SECONDS[0], float("-inf")
        told_at = float("-inf")
        while True:
            # Asked for before looking: no change can fall in between.
            change = self._gateway.cache.change_of(self._person.hall_uid)
            situation = situation_of(await self._hall(change))
            pause = TELL_SECONDS
            match situation:
                case Closed():
                    raise EndingError(CloseCode.HALL_CLOSED, "hall_closed", _HALL_CLOSED)
                case Hopeless(message=message):
                    raise EndingError(CloseCode.UNAVAILABLE, "hall_unavailable", message)
                case Reachable():
                    with contextlib.suppress(PodUnreachableError):
                        return await self._open(situation)
                    pause, retry = retry, min(retry * 2, RETRY_SECONDS[1])
                case Waiting(asleep=True) if time.monotonic() - woken_at > WAKE_AGAIN_SECONDS:
                    woken_at = time.monotonic()
                    _in_background(self._wake())
                case _:
                    pass
            if self._waited > self._gateway.settings.wait_limit_seconds:
                raise EndingError(
                    CloseCode.UNAVAILABLE,
                    "hall_unavailable",
                    "The hall did not start in time. Try again in a moment.",
                )
            if time.monotonic() - told_at >= TELL_SECONDS:
                told_at = time.monotonic()
                await self._tell(situation)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await change.wait()

    async def _hall(self, change: asyncio.Event) -> Hall:
        if view := self._gateway.cache.by_uid(self._person.hall_uid):
            return view.hall
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNKNOWN_SECONDS):
                await change.wait()
        if view := self._gateway.cache.by_uid(self._person.hall_uid):
            return view.hall
        raise EndingError(
            CloseCode.HALL_NOT_FOUND, "hall_not_found", "This hall does not exist any more."
        )

    async def _open(self, found: Reachable) -> PodSocket:
        person = self._person
        return await PodSocket.open(
            address=found.address,
            port=self._gateway.settings.pod_signalling_port,
            pod_name=found.pod_name,
            assertion=vouch(
                self._gateway.credentials.gateway_key.get(),
                hall_uid=person.hall_uid,
                identity=person.identity,
                name=person.name,
                role=person.role,
                now=datetime.now(UTC),
            ),
        )

    async def _wake(self) -> None:
        view = self._gateway.cache.by_uid(self._person.hall_uid)
        if view and (changed := await self._gateway.waker.wake(view.hall)):
            self._gateway.cache.put(changed)

    async def _tell(self, situation: Waiting | Reachable) -> None:
        await self._client.send(
            {
                "type": "waiting",
                "reason": situation.reason.value,
                "message": situation.message,
                "elapsed_ms": round(self._waited * 1000),
            }
        )

    @property
    def _waited(self) -> float:
        return time.monotonic() - self._started

    def _ice_servers(self) -> list[dict[str, object]]:
        settings, secret = self._gateway.settings, self._gateway.credentials.turn
        if not settings.turn_urls or secret is None:
            return []
        made = turn_credential(
            secret.get(),
            identity=self._person.identity,
            now=datetime.now(UTC),
            lifetime=settings.turn_ttl,
        )
        return [
            {
                "urls": list(settings.turn_urls),
                "username": made.username,
                "credential": made.credential,
            }
        ]

    # -- in the hall -----------------------------------------------------------------------

    async def _upwards(self, pod: PodSocket) -> NoReturn:
        while True:
            frame = await self._client.next_frame()
            try:
                await pod.send(frame)
            except PodClosedError:
                # ``_downwards`` still has the pod's last words and its close code to pass on.
                await asyncio.Event().wait()

    async def _downwards(self, pod: PodSocket) -> NoReturn:
        try:
            while True:
                await self._client.send_text(await pod.receive())
        except PodClosedError as error:
            if error.code == CloseCode.NORMAL or 4000 <= error.code < 5000:
                # The pod has said why already, with an ``error`` or a ``bye``.
                raise EndingError(error.code) from error
            raise _pod_lost() from error

    async def _watch(self, pod: PodSocket) -> NoReturn:
        """End the connection when the Hall says that it is over, or that its pod is another."""
        while True:
            change = self._gateway.cache.change_of(self._person.hall_uid)
            view = self._gateway.cache.by_uid(self._person.hall_uid)
            if view is None or view.hall.closing:
                await asyncio.sleep(GOODBYE_SECONDS)
                raise EndingError(CloseCode.HALL_CLOSED, bye="hall_closed")
            current = view.hall.status.pod_name
            if current is not None and current != pod.pod_name:
                raise _pod_lost()
            await change.wait()


def _pod_lost() -> EndingError:
    return EndingError(
        CloseCode.POD_LOST, "pod_lost", "The hall's server went away. Connect again."
    )


async def _first_of(*parts: Coroutine[Any, Any, NoReturn] | Coroutine[Any, Any, None]) -> None:
    """Run until one part raises, stop the others, and raise what the first of them raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()


_background: set[asyncio.Task[None]] = set()


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
