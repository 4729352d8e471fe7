"""One end of a WebRTC transport on its own socket: ICE (controlling), DTLS (client), SRTP keys.

It is not built on aiortc's transports: what measures shares no code with what is measured.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from dataclasses import dataclass

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
)
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from bench.errors import ServerError
from bench.load.description import Credentials, Remote

#: In Chromium's order, which is also what a server is given to choose from.
PROFILES = (SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM)
_BUFFER_BYTES = 4 * 1024 * 1024
_HANDSHAKE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The negotiated SRTP sessions and the name of their profile."""

    profile: str
    send: Session
    receive: Session


class Endpoint:
    """A UDP socket on ``host`` that becomes a secured transport to one server."""

    def __init__(self, certificate: RTCCertificate, *, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.socket.bind((host, 0))
        self._certificate = certificate
        self.own = Credentials(
            ufrag=secrets.token_hex(4),
            pwd=secrets.token_hex(16),
            fingerprint=certificate.getFingerprints()[0].value,
        )
        self._remote: Remote | None = None
        self._tie_breaker = secrets.randbits(64)
        self.keys: Keys | None = None

    def close(self) -> None:
        self.socket.close()

    async def connect(self, remote: Remote) -> Keys:
        """Authenticate the path, shake hands, derive keys.

        Raises:
            ServerError: the server did not answer in time, or refused.
        """
        self._remote = remote
        self.socket.connect((remote.host, remote.port))
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                await self._check_path()
                self.keys = await self._shake_hands()
        except TimeoutError:
            raise ServerError(
                f"no ICE/DTLS connection to {remote.host}:{remote.port} within "
                f"{_HANDSHAKE_SECONDS:.0f} s"
            ) from None
        except SSL.Error as error:
            raise ServerError(f"the DTLS handshake failed: {error!r}") from error
        return self.keys

    def binding_request(self) -> bytes:
        """A check with nomination (RFC 8445 section 7.2), also used as consent (RFC 7675)."""
        if self._remote is None:
            raise ServerError("connect first")
        message = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._remote.ufrag}:{self.own.ufrag}",
                "PRIORITY": 0x6E7F1EFF,
                "ICE-CONTROLLING": self._tie_breaker,
                "USE-CANDIDATE": None,
            },
        )
        message.add_message_integrity(self._remote.pwd.encode())
        return bytes(message)

    def answer_check(self, data: bytes) -> None:
        """Answer a server that checks the path itself; anything else is left alone."""
        try:
            request = stun.parse_message(data)
        except ValueError:
            return
        if request.message_class != stun.Class.REQUEST:
            return
        response = stun.Message(
            stun.Method.BINDING,
            stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
            attributes={"XOR-MAPPED-ADDRESS": self.socket.getpeername()},
        )
        response.add_message_integrity(self.own.pwd.encode())
        self.socket.send(bytes(response))

    async def _check_path(self) -> None:
        while True:
            self.socket.send(self.binding_request())
            again = time.monotonic() + 0.25
            while (left := again - time.monotonic()) > 0:
                data = await self._receive(left)
                if data and data[0] < 4 and data[:2] == b"\x01\x01":
                    return

    async def _shake_hands(self) -> Keys:
        context = self._certificate._create_ssl_context(list(PROFILES))
        tls = SSL.Connection(context)
        tls.set_connect_state()
        while True:
            try:
                tls.do_handshake()
            except SSL.WantReadError:
                self._flush(tls)
                data = await self._receive(0.5)
                if data is None:
                    tls.DTLSv1_handle_timeout()
                elif 20 <= data[0] <= 63:
                    tls.bio_write(data)
                continue
            self._flush(tls)
            return _derive(tls)

    def _flush(self, tls: SSL.Connection) -> None:
        while True:
            try:
                self.socket.send(tls.bio_read(1500))
            except SSL.WantReadError:
                return

    async def _receive(self, seconds: float) -> bytes | None:
        """The next datagram, checks answered; None when there was none in time."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                data = await loop.sock_recv(self.socket, 2048)
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            await asyncio.sleep(min(seconds, 0.05))
            return None
        if data and data[0] < 4:
            self.answer_check(data)
        return data


def _derive(tls: SSL.Connection) -> Keys:
    """Keys of the DTLS client's side (RFC 5764 section 4.2)."""
    name = tls.get_selected_srtp_profile()
    profile = next((p for p in PROFILES if p.openssl_profile == name), None)
    if profile is None:
        raise ServerError(f"the server chose SRTP profile {name!r}")
    material = tls.export_keying_material(
        b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
    )

    def session(index: int, kind: int) -> Session:
        policy = Policy(
            key=profile.get_key_and_salt(material, index),
            ssrc_type=kind,
            srtp_profile=profile.libsrtp_profile,
        )
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        return Session(policy)

    return Keys(
        profile=profile.openssl_profile.decode().removeprefix("SRTP_"),
        send=session(0, Policy.SSRC_ANY_OUTBOUND),
        receive=session(1, Policy.SSRC_ANY_INBOUND),
    )
