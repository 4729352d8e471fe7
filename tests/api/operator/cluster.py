"""Requests to the real API server, with its administrator's rights."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from relay_operator.cluster.access import Access, Connection

MERGE = "application/merge-patch+json"
RELAY = "/apis/relay.dev/v1beta1"


class Cluster:
    """Requests to the real API server as its administrator; answers are (status, object)."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.connection: Connection | None = None

    async def __aenter__(self) -> Cluster:
        self.connection = await Access().connection()
        connector = aiohttp.TCPConnector(ssl=self.connection.ssl_context(), limit=200)
        headers = {"Authorization": f"Bearer {t}"} if (t := self.connection.token) else {}
        self._session = aiohttp.ClientSession(
            self.connection.server, connector=connector, headers=headers
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, path, data=data, headers={"Content-Type": kind}
        ) as response:
            return response.status, await response.json(content_type=None)

    async def get(self, path: str) -> dict[str, Any]:
        status, found = await self.send("GET", path)
        assert status == 200, found
        return found

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, made = await self.send("POST", path, body)
        assert status == 201, made
        return made

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, made = await self.send("PATCH", path, body, kind=MERGE)
        assert status == 200, made
        return made

    async def delete(self, path: str, **options: Any) -> int:
        status, _ = await self.send("DELETE", path, options or None)
        assert status in {200, 202, 404, 409}
        return status

    async def watch(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Events of a list path, from what is there now on."""
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, params={"watch": "1"}, timeout=timeout) as response:
            buffer = b""
            async for chunk in response.content.iter_any():
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]
