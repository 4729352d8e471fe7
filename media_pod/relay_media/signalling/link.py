"""The sending half of one WebSocket: a bounded queue that never makes the room wait."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, web

log = logging.getLogger(__name__)

MAX_QUEUED_MESSAGES = 2_000
MAX_QUEUED_CHARACTERS = 8 * 1024 * 1024
SEND_SECONDS = 10.0


class SocketLink:
    """Queues messages and sends them in order. A reader that falls too far behind is cut off."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._queue: deque[str] = deque()
        self._queued_characters = 0
        self._ending: tuple[int, str] | None = None
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue one message; nothing happens once the link is ending."""
        if self._ending is not None:
            return
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        self._queue.append(text)
        self._queued_characters += len(text)
        if (
            len(self._queue) > MAX_QUEUED_MESSAGES
            or self._queued_characters > MAX_QUEUED_CHARACTERS
        ):
            log.warning("a client reads too slowly and was cut off")
            self.abort()
        self._wake.set()

    def end(self, code: int, reason: str) -> None:
        """Close with ``code`` after what is queued. The first call counts."""
        if self._ending is None:
            self._ending = (code, reason)
            self._wake.set()

    async def ended(self) -> None:
        await self._ended.wait()

    def abort(self) -> None:
        """Drop the queue and the connection now."""
        self._queue.clear()
        if self._ending is None:
            self._ending = (WSCloseCode.GOING_AWAY, "aborted")
        if self._request.transport is not None:
            self._request.transport.abort()
        self._wake.set()

    async def run(self) -> None:
        """Send what is queued until the end; returns when the socket is closed."""
        try:
            while await self._drain():
                await self._wake.wait()
                self._wake.clear()
            code, reason = self._ending or (WSCloseCode.OK, "")
            await self._socket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self.abort()
        finally:
            self._ended.set()

    async def _drain(self) -> bool:
        """Send everything queued; False when the link is to be closed."""
        while self._queue:
            text = self._queue.popleft()
            self._queued_characters -= len(text)
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_str(text)
        return self._ending is None
