"""The pod's side of the gateway: one WebSocket to a media pod, whose death is noticed soon."""

from __future__ import annotations

from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from relay_api.errors import TransientError
from relay_api.gateway.client import MAX_FRAME_BYTES

OPEN_SECONDS: Final = 2.5
PING_SECONDS: Final = 2.0
PONG_SECONDS: Final = 3.0
"""A pod that is gone without a word is noticed after ``PING_SECONDS + PONG_SECONDS``."""


class PodUnreachableError(TransientError):
    """No socket to the pod: not there yet, not assigned yet, or another hall's by now."""


class PodClosedError(TransientError):
    """The pod's socket ended. ``code`` is its close code, 1006 where it only broke."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class PodSocket:
    """A participant's connection into the hall.

    The queue of what came in is short: where the client is slow, TCP holds the pod back, and the
    pod decides what becomes of that client.
    """

    def __init__(self, connection: ClientConnection, pod_name: str) -> None:
        self._connection = connection
        self.pod_name = pod_name

    @classmethod
    async def open(cls, *, address: str, port: int, pod_name: str, assertion: str) -> PodSocket:
        """Connect within 2.5 s.

        Raises:
            PodUnreachableError: it did not work now; it may later.
        """
        host = f"[{address}]" if ":" in address else address
        try:
            connection = await _Connect(
                f"ws://{host}:{port}/rtc",
                additional_headers={"Authorization": f"Bearer {assertion}"},
                user_agent_header="relay-gateway",
                compression=None,
                proxy=None,
                open_timeout=OPEN_SECONDS,
                close_timeout=1.0,
                ping_interval=PING_SECONDS,
                ping_timeout=PONG_SECONDS,
                max_size=MAX_FRAME_BYTES,
                max_queue=8,
                write_limit=64 * 1024,
            )
        except InvalidStatus as error:
            raise PodUnreachableError(f"HTTP {error.response.status_code}") from error
        except (OSError, WebSocketException, ValueError, EOFError) as error:
            raise PodUnreachableError(str(error) or type(error).__name__) from error
        return cls(connection, pod_name)

    async def receive(self) -> str:
        """The next text frame; binary ones are no part of the protocol and are passed over.

        Raises:
            PodClosedError: there is no more.
        """
        try:
            while True:
                frame = await self._connection.recv()
                if isinstance(frame, str):
                    return frame
        except ConnectionClosed as error:
            told = error.rcvd
            raise PodClosedError(
                told.code if told else 1006, told.reason if told else "the connection broke"
            ) from error
        except UnicodeDecodeError as error:
            raise PodClosedError(1006, "a frame was not UTF-8") from error

    async def send(self, text: str) -> None:
        """Send a frame; waits while the pod is slow.

        Raises:
            PodClosedError: the socket has ended; what the pod said last may still be received.
        """
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise PodClosedError(1006, "the connection broke") from error

    async def close(self) -> None:
        await self._connection.close()


class _Connect(connect):
    """Follows no redirect: an assertion goes to the pod that it was made for, or nowhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
