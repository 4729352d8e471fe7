"""A TCP way to the API server that a test can cut and mend, and a kubeconfig that uses it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class SeverableApi:
    """Forwards bytes; TLS goes end to end.

    ``cut`` resets what is open and refuses what comes, ``freeze`` only stays silent.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        target = urlsplit(self._config["clusters"][0]["cluster"]["server"])
        self._target = (target.hostname or "", target.port or 443)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests, self._answers = asyncio.Event(), asyncio.Event()
        self.held_back = 0
        self.thaw()

    async def start(self) -> None:
        """Listen, at the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def kubeconfig(self, folder: Path) -> str:
        """A copy of the kubeconfig that leads through here."""
        cluster = self._config["clusters"][0]["cluster"]
        cluster["tls-server-name"] = self._target[0]
        cluster["server"] = f"https://127.0.0.1:{self._port}"
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(self._config))
        return str(path)

    def break_connections(self) -> None:
        """Reset what is open, and accept anew."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.break_connections()

    def freeze(self) -> None:
        """Let nothing pass, either way."""
        self._requests.clear()
        self._answers.clear()

    def freeze_answers(self) -> None:
        """Let requests pass and hold back what is answered; ``held_back`` counts its bytes."""
        self.held_back = 0
        self._answers.clear()

    def thaw(self) -> None:
        self._requests.set()
        self._answers.set()

    async def stop(self) -> None:
        self.thaw()
        await self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection(*self._target)
            self._writers.add(back)
            try:
                # Reset on one side is reset on the other.
                with contextlib.suppress(OSError):
                    await asyncio.gather(
                        self._pump(reader, back, self._requests),
                        self._pump(there, writer, self._answers),
                    )
            finally:
                self._writers.discard(back)
                back.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if not flowing.is_set():
                self.held_back += len(data)
            await flowing.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError
