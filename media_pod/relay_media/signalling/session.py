"""One participant's WebSocket, from its first message to its close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMessage, WSMsgType, web

from relay_media.errors import PermanentError, RefusalError, Request
from relay_media.hall import Person
from relay_media.metrics import Metrics
from relay_media.room import CloseCode, Participant, Room
from relay_media.signalling.limits import ConnectionLimits
from relay_media.signalling.link import SocketLink
from relay_media.signalling.messages import (
    ClientMessage,
    Join,
    Leave,
    Mute,
    Ping,
    PublishOffer,
    SubscribeAnswer,
    read_message,
)

log = logging.getLogger(__name__)

JOIN_SECONDS = 10.0


class Session:
    """Reads messages, checks limits, and calls the room. Nothing a client sends ends the pod."""

    def __init__(
        self,
        *,
        socket: web.WebSocketResponse,
        link: SocketLink,
        room: Room,
        person: Person,
        metrics: Metrics,
        on_joined: Callable[[], None],
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._socket = socket
        self._link = link
        self._room = room
        self._person = person
        self._metrics = metrics
        self._on_joined = on_joined
        self._join_seconds = join_seconds
        self._limits = ConnectionLimits(_now())
        self._participant: Participant | None = None

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        try:
            if await self._join():
                async for frame in self._frames():
                    if not self._take(frame):
                        break
        finally:
            if self._participant is not None:
                self._room.detach(self._participant, self._link)

    async def _frames(self) -> AsyncIterator[WSMessage]:
        while True:
            frame = await self._socket.receive()
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            yield frame

    async def _join(self) -> bool:
        try:
            async with asyncio.timeout(self._join_seconds):
                async for frame in self._frames():
                    return self._take_join(frame)
        except TimeoutError:
            error = RefusalError("not_joined", "no join came in time")
            self._refuse(error, close_code=CloseCode.BAD_MESSAGE)
        return False

    def _take_join(self, frame: WSMessage) -> bool:
        try:
            message = _read(frame)
            if not isinstance(message, Join):
                error = RefusalError("not_joined", "the first message must be join")
                self._refuse(error, close_code=CloseCode.BAD_MESSAGE)
                return False
            self._participant = self._room.join(
                self._person, session=message.session, resume=message.resume, link=self._link
            )
        except RefusalError as error:
            self._refuse(error, close_code=error.close_code or CloseCode.BAD_MESSAGE)
            return False
        self._on_joined()
        return True

    def _take(self, frame: WSMessage) -> bool:
        """Act on one frame; False when the connection is over."""
        participant = self._participant
        if participant is None or participant.link is not self._link:
            return False
        participant.spoke = True
        try:
            self._check_rate()
            message = _read(frame)
            self._metrics.messages.labels(type(message).__name__).inc()
            self._dispatch(participant, message)
        except RefusalError as error:
            patience_ended = self._limits.refuse()
            self._refuse(error, close_code=CloseCode.BAD_MESSAGE if patience_ended else None)
            return not patience_ended
        except PermanentError:
            # Of the pod's own making: the client did nothing wrong and may go on.
            log.exception("a message could not be served", extra={"sid": participant.sid})
        return True

    def _dispatch(self, participant: Participant, message: ClientMessage) -> None:
        match message:
            case PublishOffer():
                self._check_descriptions(message.request)
                self._room.publish(participant, message)
            case SubscribeAnswer():
                if participant.subscriptions.is_retry(message):
                    self._check_descriptions(message.request)
                self._room.answer(participant, message)
            case Mute():
                self._room.mute(participant, message)
            case Ping():
                self._link.send({"type": "pong", "t": message.t})
            case Leave():
                self._room.leave(participant)
            case Join():
                raise RefusalError("bad_message", "this connection has joined already")

    def _check_rate(self) -> None:
        if not self._limits.allow_message(_now()):
            raise RefusalError("rate_limited", "too many messages: slow down")

    def _check_descriptions(self, request: Request) -> None:
        if not self._limits.allow_description(_now()):
            raise RefusalError(
                "rate_limited", "too many offers or answers: send it later", request=request
            )

    def _refuse(self, error: RefusalError, *, close_code: int | None) -> None:
        self._metrics.refusals.labels(error.code).inc()
        message: dict[str, object] = {"type": "error", "code": error.code, "message": error.message}
        if error.request is not None:
            message |= error.request._asdict()
        self._link.send(message)
        if close_code is not None:
            self._link.end(close_code, error.code)


def _read(frame: WSMessage) -> ClientMessage:
    if frame.type is not WSMsgType.TEXT:
        raise RefusalError("bad_message", "messages are text frames")
    return read_message(frame.data)


def _now() -> float:
    return asyncio.get_running_loop().time()
