"""A way between a client and the port that can lose, stop, and come from somewhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class _Side(asyncio.DatagramProtocol):
    def __init__(self, arrived: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._arrived = arrived

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._arrived(data, addr)


class UdpRelay:
    """One client's path. ``address`` is what the client is told instead of the port's own."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.cut = False
        self.sent: list[bytes] = []
        """Everything the client sent, in order."""
        self._client: tuple[str, int] | None = None

    async def open(self) -> UdpRelay:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_client), local_addr=("127.0.0.1", 0)
        )
        self._far = None
        await self.move()
        return self

    async def move(self) -> None:
        """Reach the server from a new port from now on, as after a NAT's reboot."""
        loop = asyncio.get_running_loop()
        old = self._far
        self._far, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_server), local_addr=("127.0.0.1", 0)
        )
        if old is not None:
            old.close()

    @property
    def address(self) -> tuple[str, int]:
        return self._near.get_extra_info("sockname")

    @property
    def seen_as(self) -> tuple[str, int]:
        return self._far.get_extra_info("sockname")

    def inject(self, data: bytes) -> None:
        """Send as if the client had."""
        self._far.sendto(data, self.server)

    def _from_client(self, data: bytes, addr: tuple[str, int]) -> None:
        self._client = addr
        self.sent.append(data)
        if not self.cut:
            self._far.sendto(data, self.server)

    def _from_server(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.cut and self._client is not None:
            self._near.sendto(data, self._client)

    def close(self) -> None:
        self._near.close()
        self._far.close()
