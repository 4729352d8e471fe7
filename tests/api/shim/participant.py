"""A participant: the client's side of the signalling socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.shim.deployed import Shim

PATIENCE = 20.0


class Participant:
    """Keeps what it heard. ``expect`` passes over other messages until the one asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    @classmethod
    async def connect(
        cls, shim: Shim, token: str, *, session: str = "", **query: str
    ) -> Participant:
        session = session or secrets.token_hex(16)
        origin = query.pop("origin", None)
        address = urlencode({"token": token, "session": session, **query})
        socket = await connect(
            f"ws://127.0.0.1:{shim.port}/v1/rtc?{address}",
            proxy=None,
            origin=origin,
            max_size=2**22,
            compression=None,
        )
        made = cls(socket)
        with contextlib.suppress(ConnectionClosed):  # refused already: ``ending`` tells why
            await made.send({"type": "join", "v": 1, "session": session, "resume": False})
        return made

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        message = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
        self.heard.append(message)
        return message

    async def expect(self, kind: str) -> dict[str, Any]:
        while (message := await self.next())["type"] != kind:
            pass
        return message

    async def ending(self) -> tuple[int, dict[str, Any] | None]:
        """The close code, and the last message before it."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            return code, self.heard[-1] if self.heard else None

    async def close(self) -> None:
        await self.socket.close()

    async def abort(self) -> None:
        self.socket.transport.abort()
        await self.socket.wait_closed()


async def refusal(participant: Participant) -> tuple[int, str]:
    code, last = await participant.ending()
    assert last is not None
    return code, last.get("code", "")
