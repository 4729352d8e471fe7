"""A client of the signalling protocol, written from docs/protocol.md, without media."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any, Self

import aiohttp

from media.room.pod import Pod

Message = dict[str, Any]


class Client:
    """One tab: a session id that outlives sockets, and everything the pod said."""

    def __init__(self, pod: Pod, identity: str, role: str = "participant") -> None:
        self.pod = pod
        self.identity = identity
        self.role = role
        self.session = secrets.token_hex(16)
        self.messages: list[Message] = []
        self.handlers: dict[str, Callable[[Message], Any]] = {}
        self.close_code: int | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        return self._socket is not None and not self._socket.closed

    @property
    def socket(self) -> aiohttp.ClientWebSocketResponse:
        assert self._socket is not None
        return self._socket

    async def connect(self, *, token: str | None = None) -> None:
        token = token or self.pod.gateway_token(self.identity, self.role)
        self.close_code = None
        self._socket = await self.pod.http.ws_connect(
            f"ws://127.0.0.1:{self.pod.signalling_port}/rtc",
            headers={"Authorization": f"Bearer {token}"},
            max_msg_size=0,
        )
        self._reader = asyncio.create_task(self._read())

    async def join(self, *, resume: bool = False) -> Message:
        """Connect and join; returns the welcome."""
        await self.connect()
        at = len(self.messages)
        await self.send(type="join", v=1, session=self.session, resume=resume)
        return await self.expect("welcome", since=at)

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def expect(
        self, type_: str, *, since: int = 0, seconds: float = 10, **fields: Any
    ) -> Message:
        """The first message of this type, with these fields, from position ``since`` on.

        Several types may be given, with ``|`` between them.
        """
        types = type_.split("|")
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for message in self.messages[since:]:
                        if message["type"] in types and fields.items() <= message.items():
                            return message
                    if self.close_code is not None:
                        break
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            pass
        raise AssertionError((f"no {type_} {fields}", self.close_code, self.messages[since:]))

    async def closed(self, seconds: float = 10) -> int:
        """Wait for the pod to close the socket; returns the close code."""
        assert self._reader is not None
        async with asyncio.timeout(seconds):
            await asyncio.shield(self._reader)
        assert self.close_code is not None
        return self.close_code

    def drop(self) -> None:
        """Lose the socket without a word, as a network does."""
        connection = self.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()

    async def close(self) -> None:
        if self._socket is not None and not self._socket.closed:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        socket = self.socket
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            self.messages.append(message)
            self._heard.set()
            handler = self.handlers.get(message["type"])
            if handler is not None:
                handled = handler(message)
                if asyncio.iscoroutine(handled):
                    await handled
        # One that another socket has taken over from says nothing about that other one.
        if socket is self._socket:
            self.close_code = socket.close_code or 1006
        self._heard.set()
