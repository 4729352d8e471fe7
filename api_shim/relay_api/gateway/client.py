"""The participant's side of the gateway: bounded reading, bounded sending, refusals in words."""

from __future__ import annotations

import asyncio
import contextlib
import json
from enum import IntEnum
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

MAX_FRAME_BYTES: Final = 256 * 1024
MAX_EARLY_BYTES: Final = 2 * MAX_FRAME_BYTES
"""What a client may send before it has a pod: its ``join`` and a little more."""
_EARLY_FRAMES: Final = 32
SEND_SECONDS: Final = 15.0


class CloseCode(IntEnum):
    """WebSocket close codes of Relay (RFC 6455 §7.4.2: 4000-4999 are for applications)."""

    NORMAL = 1000
    TRY_AGAIN = 1013
    TOKEN_REFUSED = 4001
    HALL_NOT_FOUND = 4004
    HALL_CLOSED = 4005
    UNAVAILABLE = 4008
    BAD_MESSAGE = 4009
    POD_LOST = 4010
    TOO_MANY = 4029


class EndingError(Exception):
    """How a connection ends: an ``error`` message with ``code`` where there is one, then a close.

    ``bye``: a ``bye`` message with this reason instead, after which a client stays away.
    """

    def __init__(
        self, close_code: int, code: str = "", message: str = "", *, bye: str = ""
    ) -> None:
        super().__init__(code or bye or str(close_code))
        self.close_code = close_code
        self.code = code
        self.message = message
        self.bye = bye


class ClientGoneError(Exception):
    """The client has closed, or its connection is dead. There is nobody to tell."""


class ClientSocket:
    """One participant's WebSocket.

    ``listen`` reads into a short queue, so that a client that goes away while it waits is noticed.
    Until ``attached`` a client may only queue a little; after it, a full queue stops the reading,
    and TCP holds the client back.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._frames: asyncio.Queue[str] = asyncio.Queue(_EARLY_FRAMES)
        self._early_bytes = 0
        self.attached = False

    async def listen(self) -> None:
        """Read until the client goes away.

        Raises:
            ClientGoneError: always in the end.
            EndingError: the client breaks the protocol.
        """
        while True:
            text = await self._receive()
            size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            if size > MAX_FRAME_BYTES:
                raise _bad(f"A message may have {MAX_FRAME_BYTES} bytes at most.")
            if not self.attached:
                self._early_bytes += size
                if self._frames.full() or self._early_bytes > MAX_EARLY_BYTES:
                    raise _bad("Too much was sent before the hall was ready: wait for `welcome`.")
            await self._frames.put(text)

    async def next_frame(self) -> str:
        return await self._frames.get()

    async def send(self, message: dict[str, object]) -> None:
        """Send a message of the gateway's own.

        Raises:
            ClientGoneError: there is nobody to send it to.
        """
        await self.send_text(json.dumps(message, separators=(",", ":")))

    async def send_text(self, text: str) -> None:
        """Send a frame, and wait while the client is slow, though not for ever.

        Raises:
            ClientGoneError: there is nobody to send it to.
            EndingError: nothing went out for 15 s.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.send_text(text)
        except TimeoutError as error:
            raise EndingError(CloseCode.TRY_AGAIN) from error
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise ClientGoneError from error

    async def end(self, ending: EndingError) -> None:
        """Say why, then close. A client that is gone is no error."""
        with contextlib.suppress(ClientGoneError, EndingError):
            if ending.bye:
                await self.send({"type": "bye", "reason": ending.bye, "reconnect": False})
            elif ending.code:
                await self.send({"type": "error", "code": ending.code, "message": ending.message})
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
                async with asyncio.timeout(SEND_SECONDS):
                    await self._websocket.close(ending.close_code, ending.code or ending.bye)

    async def _receive(self) -> str:
        try:
            message = await self._websocket.receive()
        except RuntimeError as error:
            raise ClientGoneError from error
        if message["type"] == "websocket.disconnect":
            raise ClientGoneError
        text = message.get("text")
        if not isinstance(text, str):
            raise _bad("Messages are JSON in text frames; a binary frame came.")
        return text


def _bad(message: str) -> EndingError:
    return EndingError(CloseCode.BAD_MESSAGE, "bad_message", message)
