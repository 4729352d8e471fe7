"""Requests to the API server in raw JSON, each counted; errors typed by what to do about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import aiohttp

from relay_crds.names import GROUP, HALLS, VERSION
from relay_operator.cluster.access import Access
from relay_operator.errors import (
    AlreadyExistsError,
    ConflictError,
    GoneError,
    RejectedError,
    UnavailableError,
)
from relay_operator.metrics import API_REQUESTS

RawObject = dict[str, Any]
MERGE: Final = "application/merge-patch+json"

_CHUNK: Final = 500
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5)
_LIST_TIMEOUT: Final = aiohttp.ClientTimeout(total=120, connect=5)


class KubeApi:
    """One session to the API server. Every method may raise ``UnavailableError``."""

    def __init__(self, access: Access) -> None:
        """Use this access; ``open`` comes first, ``close`` last."""
        self._access = access
        self._session: aiohttp.ClientSession | None = None
        self._server = ""

    async def open(self) -> None:
        """Raises ``AccessError`` where there are no credentials."""
        connection = await self._access.connection()
        self._server = connection.server.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=connection.ssl_context(), limit=64)
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def list_all(
        self,
        path: str,
        resource: str,
        *,
        namespaces: Sequence[str] = (),
        selector: str = "",
    ) -> tuple[list[RawObject], int]:
        """Every object of a resource and the lowest resource version of the lists.

        Raises:
            UnavailableError: likewise where its CRD is not installed (yet).
        """
        items: list[RawObject] = []
        versions: list[int] = []
        for prefix in [f"/namespaces/{name}" for name in namespaces] or [""]:
            params = {"limit": str(_CHUNK)}
            if selector:
                params["labelSelector"] = selector
            while True:
                answer = await self._request(
                    "list", resource, f"{path}{prefix}/{resource}", params=params
                )
                items += answer.get("items") or []
                meta = answer.get("metadata") or {}
                if not meta.get("continue"):
                    versions.append(version_of(meta))
                    break
                params["continue"] = meta["continue"]
        return items, min(versions)

    async def create_pod(self, pod: RawObject) -> RawObject:
        """Raises ``AlreadyExistsError``, or ``RejectedError`` for what admission says no to."""
        namespace = pod["metadata"]["namespace"]
        return await self._request("create", "pods", _pods(namespace), body=pod)

    async def get_pod(self, namespace: str, name: str) -> RawObject:
        """Raises ``GoneError``."""
        return await self._request("get", "pods", f"{_pods(namespace)}/{name}")

    async def delete_pod(
        self, namespace: str, name: str, *, uid: str, grace: int | None = None
    ) -> RawObject:
        """Delete exactly the pod with this UID; raises ``GoneError`` where it is gone already."""
        body: RawObject = {"preconditions": {"uid": uid}}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            return await self._request("delete", "pods", f"{_pods(namespace)}/{name}", body=body)
        except ConflictError as error:
            raise GoneError(str(error)) from error

    async def get_hall(self, namespace: str, name: str) -> RawObject:
        """Raises ``GoneError``."""
        return await self._request("get", HALLS, _hall(namespace, name))

    async def patch_hall(self, namespace: str, name: str, patch: RawObject) -> RawObject:
        """Merge patch; with a resource version in it ``ConflictError`` says that it is old."""
        return await self._request("patch", HALLS, _hall(namespace, name), body=patch)

    async def patch_hall_status(self, namespace: str, name: str, patch: RawObject) -> RawObject:
        """Merge patch; with a UID in it ``ConflictError`` says that the Hall is another one."""
        path = f"{_hall(namespace, name)}/status"
        return await self._request("patch", "halls/status", path, body=patch)

    async def delete_hall(self, namespace: str, name: str, *, uid: str, version: str) -> None:
        """Raises ``ConflictError`` where it has changed meanwhile."""
        body = {"preconditions": {"uid": uid, "resourceVersion": version}}
        await self._request("delete", HALLS, _hall(namespace, name), body=body)

    async def create_event(self, event: RawObject) -> None:
        namespace = event["metadata"]["namespace"]
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        await self._request("create", "events", path, body=event)

    async def _request(
        self,
        verb: str,
        resource: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: RawObject | None = None,
    ) -> RawObject:
        status, answer, retry_after = await self._send(verb, resource, path, params, body)
        if status == 401:
            await self._access.connection(fresh=True)
            status, answer, retry_after = await self._send(verb, resource, path, params, body)
        if status < 300:
            return answer
        raise _error(verb, resource, status, answer, retry_after)

    async def _send(
        self,
        verb: str,
        resource: str,
        path: str,
        params: Mapping[str, str] | None,
        body: RawObject | None,
    ) -> tuple[int, RawObject, float | None]:
        if self._session is None:
            raise UnavailableError("the session to the API server is not open")
        method = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}.get(verb, "GET")
        headers = {"Accept": "application/json", **await self._access.headers()}
        if body is not None:
            headers["Content-Type"] = MERGE if verb == "patch" else "application/json"
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=params,
                data=None if body is None else json.dumps(body),
                headers=headers,
                timeout=_LIST_TIMEOUT if verb == "list" else _TIMEOUT,
            ) as response:
                API_REQUESTS.labels(verb, resource, str(response.status)).inc()
                answer = _parsed(await response.read(), success=response.status < 300)
                wait = response.headers.get("Retry-After", "")
                return response.status, answer, float(wait) if wait.isdecimal() else None
        except (aiohttp.ClientError, TimeoutError) as error:
            API_REQUESTS.labels(verb, resource, "none").inc()
            raise UnavailableError(f"{verb} {resource}: {type(error).__name__} {error}") from error


def version_of(metadata: Mapping[str, Any]) -> int:
    """A resource version as a number: comparable since KEP-5504; 0 where it is none."""
    text = str(metadata.get("resourceVersion", ""))
    return int(text) if text.isascii() and text.isdigit() else 0


def _parsed(body: bytes, *, success: bool) -> RawObject:
    """The object in an answer; of a refusal that has none, its first words as the message.

    Raises:
        UnavailableError: what should be an object is none. Something in between answered.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # bytes that are no UTF-8 are a ValueError, too
        answer = None
    if isinstance(answer, dict):
        return cast(RawObject, answer)
    if success:
        raise UnavailableError("the answer is not a JSON object: is that the API server?")
    return {"message": body[:200].decode("utf-8", "replace")}


def _error(
    verb: str, resource: str, status: int, answer: RawObject, retry_after: float | None
) -> Exception:
    message = str(answer.get("message") or f"status {status}")
    if answer.get("kind") != "Status":
        # The API server refuses with a Status. This is a proxy's word, or that of a server which
        # has not read its CRDs yet: no reason to believe that anything is gone, or forbidden.
        return UnavailableError(f"{verb} {resource}: {status} {message}", retry_after=retry_after)
    if status == 404:
        return GoneError(message)
    if status == 409:
        exists = answer.get("reason") == "AlreadyExists"
        return AlreadyExistsError(message) if exists else ConflictError(message)
    if status in {400, 403, 422}:
        return RejectedError(message, code=status)
    return UnavailableError(f"{verb} {resource}: {status} {message}", retry_after=retry_after)


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _hall(namespace: str, name: str) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{HALLS}/{name}"
