"""``/rtc``: the WebSocket that the gateway opens for each participant."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter

from aiohttp import web

from relay_media.control.problems import problem
from relay_media.control.tokens import Assertion, KeyRing, read_gateway_token
from relay_media.errors import TokenError
from relay_media.metrics import Metrics
from relay_media.pod import Pod
from relay_media.room import Room
from relay_media.signalling.link import SocketLink
from relay_media.signalling.messages import MAX_FRAME_BYTES
from relay_media.signalling.session import JOIN_SECONDS, Session

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
#: Sockets that have not joined yet, in all and of one identity. Joined ones are under the cap.
MAX_PENDING = 1_000
MAX_PENDING_OF_ONE = 16
_CLOSE_SECONDS = 2.0


class SignallingServer:
    """Checks who knocks before anything is allocated, then runs one session per socket."""

    def __init__(
        self,
        *,
        pod: Pod,
        keys: KeyRing,
        metrics: Metrics,
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._pod = pod
        self._keys = keys
        self._metrics = metrics
        self._join_seconds = join_seconds
        self._pending: Counter[str] = Counter()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/rtc", self._rtc)
        return app

    async def _rtc(self, request: web.Request) -> web.StreamResponse:
        room = self._pod.room
        if room is None:
            return problem(409, "not_assigned", "this pod serves no hall yet")
        if self._pod.leaving:
            # The hall goes on elsewhere: the gateway keeps whoever comes until it knows where.
            return problem(503, "leaving", "this pod is about to end", Retry_After="1")
        try:
            assertion = read_gateway_token(_bearer(request), self._keys, now=time.time())
        except TokenError as error:
            return problem(401, "unauthorized", str(error), WWW_Authenticate="Bearer")
        if assertion.hall_uid != room.hall.uid:
            return problem(
                401, "unauthorized", "the token is for another hall", WWW_Authenticate="Bearer"
            )
        if not self._has_room_for(assertion.person.identity):
            return problem(503, "busy", "too many sockets wait to join", Retry_After="1")
        return await self._serve(request, room, assertion)

    def _has_room_for(self, identity: str) -> bool:
        return self._pending.total() < MAX_PENDING and self._pending[identity] < MAX_PENDING_OF_ONE

    async def _serve(
        self, request: web.Request, room: Room, assertion: Assertion
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            timeout=_CLOSE_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=MAX_FRAME_BYTES,
            # A compressor per socket costs memory, and lets a small frame grow past the limit.
            compress=False,
        )
        link = SocketLink(socket, request)
        pending = _Pending(self._pending, assertion.person.identity)
        session = Session(
            socket=socket,
            link=link,
            room=room,
            person=assertion.person,
            metrics=self._metrics,
            on_joined=pending.over,
            join_seconds=self._join_seconds,
        )
        with self._metrics.sockets.track_inprogress(), pending:
            await socket.prepare(request)
            writer = asyncio.get_running_loop().create_task(link.run())
            try:
                await session.run()
            finally:
                link.end(1000, "")
                await writer
        return socket


class _Pending(contextlib.AbstractContextManager[None]):
    """Counts a socket from its upgrade until it joined, or ended without."""

    def __init__(self, counts: Counter[str], identity: str) -> None:
        self._counts = counts
        self._identity = identity
        self._counted = True
        counts[identity] += 1

    def over(self) -> None:
        if self._counted:
            self._counted = False
            self._counts[self._identity] -= 1
            if not self._counts[self._identity]:
                del self._counts[self._identity]

    def __exit__(self, *_: object) -> None:
        self.over()


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenError("send Authorization: Bearer <token>")
    return token.strip()
