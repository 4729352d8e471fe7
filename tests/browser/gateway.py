"""A gateway for tests without a cluster: the public contract, for one hall and its pod.

Tokens and assertions are the front door's own; only the lookup of the pod is replaced.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

import relay_api
from browser.pod import Keys, MediaPod, TestHall
from relay_api.credentials.tokens import JoinToken, Role, identity_for, issue, verify
from relay_api.credentials.vouch import vouch
from relay_api.errors import TokenError, TokenExpiredError

STATIC = Path(relay_api.__file__).with_name("static")
SECRET = b"a signing secret of the tests only"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " media-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)


@dataclass(frozen=True, kw_only=True)
class _RefusalError(Exception):
    code: int
    name: str
    message: str


_BAD_OFFER = {"type": "offer", "pc": "publish", "id": 2**31 - 1, "sdp": "v=1"}


class Gateway:
    """Serves the join page and proxies its signalling to the pod, while there is one."""

    def __init__(self, *, keys: Keys, hall: TestHall) -> None:
        self.keys = keys
        self.hall = hall
        self.pod: MediaPod | None = None
        self.closed = False
        self.offers_ahead = 0
        """Bad offers that the pod gets, in the client's name, before the client's next one."""
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/join/{hall}", self._page)
        app.router.add_static("/static", STATIC)
        app.router.add_get("/v1/rtc", self._rtc)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.cut_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut_sockets(self) -> None:
        """Every client's socket breaks without a word, as when a replica of the gateway dies."""
        for socket in list(self._sockets):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    def link(
        self,
        identity: str,
        *,
        name: str = "",
        role: Role = Role.PARTICIPANT,
        invite: bool = False,
        lifetime: timedelta = timedelta(hours=1),
        query: str = "",
    ) -> str:
        """The link that a person gets, with a join token in its fragment."""
        now = datetime.now(UTC)
        token = JoinToken(
            hall_uid=self.hall.uid,
            hall_id=self.hall.hall_id,
            identity=identity,
            name=name or identity.title(),
            role=role,
            issued_at=now - timedelta(minutes=1),
            expires_at=now + lifetime,
            invite=invite,
        )
        page = f"http://127.0.0.1:{self._port}/join/{self.hall.hall_id}{query}"
        return f"{page}#token={issue(token, SECRET)}"

    async def _page(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "join.html", headers={"Content-Security-Policy": POLICY})

    async def _rtc(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(max_msg_size=256 * 1024)
        await client.prepare(request)
        self._sockets.add(client)
        try:
            with suppress(ConnectionResetError):  # the client, or the test, broke the socket
                await self._serve(request, client)
        except _RefusalError as refusal:
            await client.send_json(
                {"type": "error", "code": refusal.name, "message": refusal.message}
            )
            await client.close(code=refusal.code)
        finally:
            self._sockets.discard(client)
        return client

    async def _serve(self, request: web.Request, client: web.WebSocketResponse) -> None:
        token = self._admit(request.query["token"])
        if self.closed:
            raise _RefusalError(code=4005, name="hall_closed", message="The hall is closed.")
        identity = identity_for(token, request.query["session"])
        name = request.query.get("name", token.name) if token.invite else token.name
        async with aiohttp.ClientSession() as session:
            pod = await self._dial(session, client, token, identity, name)
            if pod is None:
                return
            await client.send_json({"type": "ice", "servers": []})
            await self._relay(client, pod)

    def _admit(self, text: str) -> JoinToken:
        try:
            return verify(text, [SECRET], now=datetime.now(UTC))
        except TokenExpiredError as error:
            raise _RefusalError(code=4001, name="token_expired", message=str(error)) from error
        except TokenError as error:
            raise _RefusalError(code=4001, name="token_invalid", message=str(error)) from error

    async def _dial(
        self,
        session: aiohttp.ClientSession,
        client: web.WebSocketResponse,
        token: JoinToken,
        identity: str,
        name: str,
    ) -> aiohttp.ClientWebSocketResponse | None:
        while not client.closed:
            if self.pod is not None:
                assertion = vouch(
                    self.keys.gateway,
                    hall_uid=self.hall.uid,
                    identity=identity,
                    name=name,
                    role=token.role,
                    now=datetime.now(UTC),
                )
                headers = {"Authorization": f"Bearer {assertion}"}
                with suppress(aiohttp.ClientError, TimeoutError):  # gone or hanging: wait on
                    return await asyncio.wait_for(
                        session.ws_connect(self.pod.address, headers=headers), 2
                    )
            await client.send_json(
                {"type": "waiting", "reason": "replacing", "message": "", "elapsed_ms": 0}
            )
            await asyncio.sleep(0.25)
        return None

    async def _relay(
        self, client: web.WebSocketResponse, pod: aiohttp.ClientWebSocketResponse
    ) -> None:
        async def upwards() -> None:
            async for message in client:
                if message.type is not WSMsgType.TEXT:
                    continue
                if json.loads(message.data)["type"] == "offer":
                    ahead, self.offers_ahead = self.offers_ahead, 0
                    for _ in range(ahead):
                        await pod.send_json(_BAD_OFFER)
                await pod.send_str(message.data)

        upward = asyncio.create_task(upwards())
        upward.add_done_callback(lambda _: asyncio.ensure_future(pod.close()))
        try:
            async for message in pod:
                if message.type is WSMsgType.TEXT:
                    await client.send_str(message.data)
        finally:
            upward.cancel()
        if not client.closed:
            code = pod.close_code or WSCloseCode.ABNORMAL_CLOSURE
            await client.close(code=code if code >= 4000 else 4010)
