"""A stretch of network between browsers and a pod, which a test can cut and mend."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast


class UdpPath:
    """Forwards datagrams between a port that clients use and the pod's, one socket per client."""

    def __init__(self, *, target: tuple[str, int]) -> None:
        self.cut = False
        self.loss = 0.0
        self.forwarded = 0
        self.port = 0
        self._target = target
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[Any, asyncio.DatagramTransport] = {}
        self._opening: dict[Any, asyncio.Task[None]] = {}
        self._random = random.Random(7)

    async def open(self) -> None:
        path = self

        class Front(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                path._from_client(data, addr)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Front, local_addr=("127.0.0.1", 0))
        self._front = cast("asyncio.DatagramTransport", transport)
        self.port = int(transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        for transport in (self._front, *self._backs.values()):
            if transport is not None:
                transport.close()

    def _passes(self) -> bool:
        return not self.cut and self._random.random() >= self.loss

    def _from_client(self, data: bytes, client: Any) -> None:
        if not self._passes():
            return
        back = self._backs.get(client)
        if back is not None:
            self.forwarded += 1
            back.sendto(data)
        elif client not in self._opening:
            self._opening[client] = asyncio.create_task(self._open_back(data, client))

    async def _open_back(self, data: bytes, client: Any) -> None:
        path = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, answer: bytes, _addr: Any) -> None:
                if path._front is not None and path._passes():
                    path.forwarded += 1
                    path._front.sendto(answer, client)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Back, remote_addr=self._target)
        self._backs[client] = cast("asyncio.DatagramTransport", transport)
        self._backs[client].sendto(data)
