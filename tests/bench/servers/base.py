"""What the forwarding benchmark asks of a server: start, publish, subscribe, stop."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bench.load.endpoint import Endpoint
from bench.processes import Process


class Server(Protocol):
    """A media server under test. Every method raises ServerError when it does not comply."""

    name: str
    process: Process

    async def start(self, *, folder: Path, core: int) -> None:
        """Start the process on ``core``, with its files in ``folder``, and open a room."""

    async def publish(self, endpoint: Endpoint, *, ssrc: int, rtx_ssrc: int) -> None:
        """Negotiate one sendonly VP8 track and connect ``endpoint``."""

    async def subscribe(self, endpoint: Endpoint) -> int:
        """Negotiate reception of that track, connect ``endpoint``; its VP8 payload type."""

    async def stop(self) -> None:
        """Leave the room and end the process."""
