"""Requests to media pods' control ports: few, short, bounded, and addressed to one pod's UID."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from relay_operator.control.answers import (
    ANOTHER_POD,
    ANSWER_MAX_BYTES,
    EventsPage,
    MalformedAnswerError,
    PodAnswer,
    read_events,
    read_refusal,
    read_status,
)
from relay_operator.errors import KeyRefusedError, PodConflictError, PodUnreachableError
from relay_operator.metrics import CONTROL_REQUESTS
from relay_operator.plan import Assignment
from relay_operator.tokens import ControlTokens

_CONNECT_SECONDS: Final = 1.0
_SHORT: Final = aiohttp.ClientTimeout(total=2.0, sock_connect=_CONNECT_SECONDS)
_CLOSE: Final = aiohttp.ClientTimeout(total=5.0, sock_connect=_CONNECT_SECONDS)
_MARGIN_SECONDS: Final = 2.0
_CONNECTIONS: Final = 4096


@dataclass(frozen=True, kw_only=True)
class PodAddress:
    """A pod at an address. Whoever answers there must know the UIDs: addresses are re-used."""

    ip: str
    pod_uid: str
    hall_uid: str


class PodClient:
    """Sessions to all pods. Every method may raise ``PodUnreachableError``."""

    def __init__(self, tokens: ControlTokens, *, port: int) -> None:
        """Speak to this port with these tokens; ``open`` comes first, ``close_sessions`` last."""
        self._tokens = tokens
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS, keepalive_timeout=30, socket_factory=_watched_socket
            ),
            trust_env=False,
        )

    async def close_sessions(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def assign(self, pod: PodAddress, assignment: Assignment) -> PodAnswer:
        """Raises ``PodConflictError`` where the pod belongs to another hall."""
        body = {
            "hall_uid": assignment.hall_uid,
            "hall_id": assignment.hall_id,
            "namespace": assignment.namespace,
            "name": assignment.name,
            "display_name": assignment.display_name,
            "max_participants": assignment.max_participants,
            "codecs": list(assignment.codecs),
        }
        answer = read_status(await self._call("assign", pod, "POST", "/assign", body=body))
        _same_pod(pod, answer.pod_uid)
        if answer.hall_uid != assignment.hall_uid:
            raise PodConflictError("the pod confirmed another hall")
        return answer

    async def close(self, pod: PodAddress, reason: str) -> None:
        """Return when every participant was told and is out."""
        await self._call("close", pod, "POST", "/close", body={"reason": reason}, timeout=_CLOSE)

    async def events(self, pod: PodAddress, *, after: int, wait: int) -> EventsPage:
        """The events behind ``after``; waits up to ``wait`` seconds for the first."""
        total = aiohttp.ClientTimeout(total=wait + _MARGIN_SECONDS, sock_connect=_CONNECT_SECONDS)
        path = f"/events?after={after}&wait={wait}"
        page = read_events(
            await self._call("events", pod, "GET", path, timeout=total if wait else _SHORT)
        )
        _same_pod(pod, page.pod_uid)
        return page

    async def _call(
        self,
        call: str,
        pod: PodAddress,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        timeout: aiohttp.ClientTimeout = _SHORT,  # noqa: ASYNC109 - aiohttp's own, in parts
    ) -> bytes:
        if self._session is None:
            raise PodUnreachableError("the session to the pods is not open")
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        token = self._tokens.issue(hall_uid=pod.hall_uid, pod_uid=pod.pod_uid)
        outcome = "unreachable"
        try:
            async with self._session.request(
                method,
                f"http://{host}:{self._port}{path}",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                outcome = str(response.status)
                data = await response.content.read(ANSWER_MAX_BYTES + 1)
                while not response.content.at_eof() and len(data) <= ANSWER_MAX_BYTES:
                    data += await response.content.read(ANSWER_MAX_BYTES + 1 - len(data))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PodUnreachableError(f"{call}: {type(error).__name__} {error}") from error
        finally:
            CONTROL_REQUESTS.labels(call, outcome).inc()
        if outcome == "409":
            raise PodConflictError("the pod says that it serves another hall")
        if outcome == "401":
            raise _refused(read_refusal(data))
        if outcome != "200":
            raise PodUnreachableError(f"{call}: the pod answered {outcome}")
        if len(data) > ANSWER_MAX_BYTES:
            raise MalformedAnswerError(f"{call}: the pod's answer is too long")
        return data


def _same_pod(pod: PodAddress, said: str) -> None:
    if said != pod.pod_uid:
        raise PodUnreachableError("another pod answers at the pod's address")


def _refused(detail: str) -> PodUnreachableError:
    """Addresses are re-used: who calls our token another pod's is not the pod that we look for."""
    if detail == ANOTHER_POD:
        return PodUnreachableError("another pod answers at the pod's address")
    return KeyRefusedError(
        "this pod does not know our control key; it serves until its hall is closed"
        + (f" ({detail[:200]})" if detail else "")
    )


def _watched_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose dead peer the kernel notices within about four seconds.

    A long poll is silent for most of its life: without this, a lost node would look like a quiet
    room until the poll's end. It costs this process nothing, unlike shorter polls.
    """
    family, kind, protocol, *_ = address
    connection = socket.socket(family=family, type=kind, proto=protocol)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 2)):
        if option := getattr(socket, name, None):  # absent outside Linux
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        connection.setsockopt(socket.IPPROTO_TCP, option, 4000)
    return connection
