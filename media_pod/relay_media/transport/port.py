"""The pod's one UDP port."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence

from relay_media.pump import Address, Pump
from relay_media.transport import stun
from relay_media.transport.aiortc_adapter import Certificate
from relay_media.transport.errors import TransportError
from relay_media.transport.peer import Peer
from relay_media.transport.turns import HandshakeTurns
from relay_media.transport.types import Candidate, PeerState, PortStats

_log = logging.getLogger(__name__)

_TICK = 0.025


class MediaPort:
    """One UDP socket that every peer of the pod shares; made by :meth:`open`."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        candidates: tuple[Candidate, ...],
        certificate: Certificate,
        max_video_bps: int,
    ) -> None:
        self.candidates = candidates
        self.fingerprint = certificate.fingerprint
        """Of the pod's one certificate, as in ``a=fingerprint``: ``sha-256 AA:BB:...``."""
        self._certificate = certificate
        self._max_video_bps = max_video_bps
        self._pump = Pump(sock, self)
        self._peers: dict[str, Peer] = {}
        self._turns = HandshakeTurns()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._pump.start()

    @classmethod
    async def open(
        cls,
        *,
        bind: str,
        port: int,
        advertised: Sequence[tuple[str, int]],
        max_video_bps: int = 2_500_000,
    ) -> MediaPort:
        """Bind and begin to read.

        Args:
            bind: local address, ``0.0.0.0`` or ``::`` for all.
            port: UDP port, 0 for any.
            advertised: ``(address, port)`` pairs that become candidates; port 0 = the bound port;
                empty = the bound address and port.
            max_video_bps: what one publisher is allowed per video stream by REMB.

        Raises:
            TransportError: the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.bind((bind, port))
        except (OSError, OverflowError) as error:
            sock.close()
            raise TransportError(f"UDP {bind}:{port} cannot be bound: {error}") from error
        bound = sock.getsockname()[1]
        candidates = tuple(
            Candidate(
                host=host,
                port=outside or bound,
                # Host candidates in the order given (RFC 8445 §5.1.2.1).
                priority=126 << 24 | (65535 - index) << 8 | 255,
                foundation=str(index + 1),
            )
            for index, (host, outside) in enumerate(advertised or [(bind, bound)])
        )
        return cls(
            sock,
            candidates=candidates,
            certificate=Certificate(),
            max_video_bps=max_video_bps,
        )

    def create_peer(self, *, on_state: Callable[[PeerState], None]) -> Peer:
        """A peer with fresh ICE credentials.

        Raises:
            TransportError: the port is closed.
        """
        if self._closed:
            raise TransportError("the media port is closed")
        peer = Peer(
            pump=self._pump,
            certificate=self._certificate,
            turns=self._turns,
            max_video_bps=self._max_video_bps,
            on_state=on_state,
            on_gone=self._forget,
        )
        self._peers[peer.ice_ufrag] = peer
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)
        return peer

    def stats(self) -> PortStats:
        pump = self._pump
        return PortStats(
            packets_in=pump.packets_in,
            bytes_in=pump.bytes_in,
            packets_out=pump.packets_out,
            bytes_out=pump.bytes_out,
            strangers=pump.strangers,
            oversize=pump.oversize,
            malformed=pump.malformed,
            unauthentic=pump.unauthentic,
            send_errors=pump.send_errors,
            peers=len(self._peers),
            handshakes=sum(peer.shaking_hands for peer in self._peers.values()),
        )

    async def close(self) -> None:
        """Close every peer, then the socket. Idempotent."""
        self._closed = True
        await asyncio.gather(*(peer.close() for peer in list(self._peers.values())))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pump.close()

    def on_stun(self, data: bytes, address: Address) -> None:
        """Answer a Binding request of a known user with the right integrity, and nothing else.

        Raises:
            FormatError: it is no STUN.
        """
        request = stun.parse_request(data)
        if request is None:
            return
        peer = self._peers.get(request.local_ufrag)
        password = peer.ice_pwd.encode() if peer is not None else b""
        if peer is None or not request.is_authentic(password):
            self._pump.unauthentic += 1
            return
        if request.controlled:
            self._pump.send(stun.role_conflict(request, password), address)
            return
        if peer.on_check(address, request.remote_ufrag, nominated=request.use_candidate):
            mapped = (address[0].removeprefix("::ffff:"), address[1])
            self._pump.send(stun.success(request, mapped, password), address)

    def _tick(self) -> None:
        now = time.monotonic()
        for peer in list(self._peers.values()):
            peer.tick(now)
        self._timer = self._loop.call_later(_TICK, self._tick) if self._peers else None

    def _forget(self, peer: Peer) -> None:
        self._peers.pop(peer.ice_ufrag, None)
