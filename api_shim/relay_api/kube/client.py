"""Reads and writes of Relay's objects as raw JSON, with typed errors."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient

from relay_api.errors import (
    Cause,
    ConflictError,
    GoneError,
    KubernetesUnavailableError,
    NotFoundError,
    RefusedByKubernetesError,
    ThrottledError,
)
from relay_crds import names

Object = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"
_CONNECT_SECONDS: Final = 2.0
_CALL_SECONDS: Final = 5.0
_WATCH_SILENCE_SECONDS: Final = 100.0
"""Bookmarks come about every minute, so a watch that is silent for longer is a dead one."""
_LINE_LIMIT: Final = 8 * 1024 * 1024


class KubeClient:
    """Objects of the group ``relay.dev``.

    Every method raises ``KubernetesUnavailableError`` without an answer within 5 s or on a 5xx,
    ``ThrottledError`` on 429, and ``RefusedByKubernetesError`` or a kind of it on any other 4xx.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def get(self, plural: str, namespace: str, name: str) -> Object:
        return await self._call("GET", _path(plural, namespace, name))

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        return await self._call("POST", _path(plural, namespace), body=obj)

    async def patch(self, plural: str, namespace: str, name: str, change: Object) -> Object:
        """Apply a merge patch (RFC 7386). A ``resourceVersion`` in it is a precondition."""
        return await self._call(
            "PATCH", _path(plural, namespace, name), body=change, content_type=MERGE_PATCH
        )

    async def list_page(self, plural: str, *, limit: int, continue_token: str) -> Object:
        """One page over all namespaces."""
        query = {"limit": str(limit)}
        if continue_token:
            query["continue"] = continue_token
        return await self._call("GET", _path(plural), query=query)

    async def watch(
        self, plural: str, *, resource_version: str, seconds: int
    ) -> AsyncGenerator[Object, None]:
        """Events over all namespaces from ``resource_version`` on, as ``{type, object}``.

        The first one is ``{type: OPENED}``: the watch is up, whether or not anything happens. Ends
        when the API server ends the watch, after ``seconds`` at the latest.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        timeout = aiohttp.ClientTimeout(
            total=None, connect=_CONNECT_SECONDS, sock_read=_WATCH_SILENCE_SECONDS
        )
        response = await self._send("GET", _path(plural), query=query, timeout=timeout)
        try:
            if response.status >= 400:
                raise _error(response.status, response.headers, await _read(response))
            yield {"type": "OPENED"}
            async for line in _lines(response):
                event: Object = json.loads(line)
                if event.get("type") == "ERROR":
                    raise _status_error(event.get("object") or {}, None)
                yield event
        except (TimeoutError, aiohttp.ClientError, OSError, json.JSONDecodeError) as error:
            raise _unreachable(error) from error
        finally:
            response.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS, connect=_CONNECT_SECONDS)
        response = await self._send(
            method, path, query=query, body=body, content_type=content_type, timeout=timeout
        )
        content = await _read(response)
        if response.status >= 400:
            raise _error(response.status, response.headers, content)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise KubernetesUnavailableError(
                "The Kubernetes API's answer is not JSON: is something else at its address?"
            ) from error
        if not isinstance(answer, dict):
            raise KubernetesUnavailableError("The Kubernetes API's answer is not an object.")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - handed on to aiohttp
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        try:
            verb, url, headers, content, _ = await self._api.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = await self._api.call_api(verb, url, headers, content, _request_timeout=timeout)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error
        response: aiohttp.ClientResponse = answer.response
        return response


def _path(plural: str, namespace: str = "", name: str = "") -> str:
    path = f"/apis/{names.GROUP}/{names.VERSION}"
    if namespace:
        path += f"/namespaces/{quote(namespace, safe='')}"
    path += f"/{plural}"
    return f"{path}/{quote(name, safe='')}" if name else path


async def _read(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise _unreachable(error) from error


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The stream cut at line ends. An object may be larger than aiohttp's own line limit."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        *lines, tail = rest.split(b"\n")
        rest = bytearray(tail)
        if len(rest) > _LINE_LIMIT:
            raise KubernetesUnavailableError("A watch event is larger than any object may be.")
        for line in lines:
            if line:
                yield bytes(line)


def _unreachable(error: Exception) -> KubernetesUnavailableError:
    return KubernetesUnavailableError(
        f"The Kubernetes API does not answer: {error or type(error).__name__}"
    )


def _error(status: int, headers: Mapping[str, str], content: bytes) -> Exception:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = {}
    told = told if isinstance(told, dict) else {}
    return _status_error({**told, "code": status}, headers.get("Retry-After"))


def _status_error(told: Mapping[str, Any], retry_after: str | None) -> Exception:
    """The error that a ``Status`` object of the API server (meta/v1) stands for."""
    status = int(told.get("code") or 500)
    message = str(told.get("message") or f"HTTP {status}")
    details = told.get("details") or {}
    wait = _seconds(retry_after or details.get("retryAfterSeconds"))
    if status == 429:
        return ThrottledError(message, retry_after=wait or 1.0)
    if status >= 500 or status == 401:
        return KubernetesUnavailableError(message, retry_after=wait or 2.0)
    kind = {404: NotFoundError, 409: ConflictError, 410: GoneError}.get(
        status, RefusedByKubernetesError
    )
    causes = tuple(
        Cause(field=str(cause.get("field", "")), message=str(cause.get("message", "")))
        for cause in details.get("causes") or ()
    )
    return kind(message, status=status, reason=str(told.get("reason") or ""), causes=causes)


def _seconds(text: object) -> float:
    try:
        return min(max(float(str(text)), 0.0), 60.0)
    except ValueError:
        return 0.0
