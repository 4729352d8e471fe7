from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aioice.ice
import pytest

from media.transport.rtp_client import Client
from media.transport.udp_relay import UdpRelay
from relay_media.transport import MediaPort

pytest.register_assert_rewrite("media.transport.streams")

Connect = Callable[..., Awaitable[Client]]


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The far end gathers 127.0.0.1, so that no test depends on the machine's network."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.fixture
async def port() -> AsyncIterator[MediaPort]:
    opened = await MediaPort.open(bind="127.0.0.1", port=0, advertised=[])
    yield opened
    await opened.close()


@pytest.fixture
async def connect(port: MediaPort) -> AsyncIterator[Connect]:
    """Makes connected clients and closes them all."""
    clients: list[Client] = []

    async def make(**more: object) -> Client:
        client = await Client.connect(port, **more)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def relay(port: MediaPort) -> AsyncIterator[UdpRelay]:
    opened = await UdpRelay((port.candidates[0].host, port.candidates[0].port)).open()
    yield opened
    opened.close()
