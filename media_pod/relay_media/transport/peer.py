"""One RTCPeerConnection of a browser."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence

from relay_media.forward import demux
from relay_media.forward.published import PublishedStream
from relay_media.forward.specs import ReceiveSpec, SendSpec
from relay_media.forward.subscribed import SubscribedStream
from relay_media.pump import Address, Link, Pump
from relay_media.rtp.errors import FormatError
from relay_media.rtp.rtcp import parse_compound
from relay_media.transport.aiortc_adapter import (
    Certificate,
    DtlsServer,
    SrtpKeys,
    usable_fingerprints,
)
from relay_media.transport.errors import TransportError
from relay_media.transport.reports import Reports
from relay_media.transport.turns import HandshakeTurns
from relay_media.transport.types import PeerState, PeerStats

_log = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""From start to CONNECTED; after it the peer has FAILED."""
LOST_SECONDS = 5.0
"""Without an authentic datagram; browsers send a consent check about every 2.5 s."""
_SILENT_SECONDS = 4.0
_EARLY_DATAGRAMS = 4
_FINAL = (PeerState.CLOSED, PeerState.FAILED)


class Peer:
    """ICE-lite controlled agent and DTLS server towards one browser connection."""

    def __init__(
        self,
        *,
        pump: Pump,
        certificate: Certificate,
        turns: HandshakeTurns,
        max_video_bps: int,
        on_state: Callable[[PeerState], None],
        on_gone: Callable[[Peer], None],
    ) -> None:
        self.ice_ufrag = secrets.token_hex(8)
        self.ice_pwd = secrets.token_hex(16)
        self.state = PeerState.NEW
        self.link: Link = pump.open_link(self)
        self._certificate = certificate
        self._turns = turns
        self._max_video_bps = max_video_bps
        self._on_state = on_state
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._remote_ufrag: str | None = None
        self._dtls: DtlsServer | None = None
        self._early: deque[bytes] = deque(maxlen=_EARLY_DATAGRAMS)
        self._handshake: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._deadline: float | None = None
        self._keys: SrtpKeys | None = None
        self._published: dict[str, PublishedStream] = {}
        self._subscribed: dict[int, SubscribedStream] = {}
        self._used_ssrcs: set[int] = set()
        self._reports = Reports(self.link)

    def start(
        self,
        *,
        remote_ufrag: str,
        remote_pwd: str,
        remote_fingerprints: Sequence[str],
        remote_setup: str,
    ) -> None:
        """Begin, once the far end's description is known. Called once; returns at once.

        Args:
            remote_ufrag: its ``a=ice-ufrag``.
            remote_pwd: its ``a=ice-pwd``; a lite agent sends no checks and has no use for it.
            remote_fingerprints: its ``a=fingerprint`` values, ``sha-256 AA:BB:...``.
            remote_setup: its ``a=setup``: ``active`` or ``actpass``; we are always passive.

        Raises:
            TransportError: called twice or after close, or no usable fingerprint, or ``passive``.
        """
        del remote_pwd
        if self.state is not PeerState.NEW:
            raise TransportError("a peer is started once; make a new one")
        if remote_setup not in {"active", "actpass"}:
            raise TransportError(f"a=setup:{remote_setup} cannot be met: we are passive")
        fingerprints = usable_fingerprints(remote_fingerprints)
        self._remote_ufrag = remote_ufrag
        self._deadline = time.monotonic() + CONNECT_SECONDS
        self._dtls = DtlsServer(
            certificate=self._certificate,
            fingerprints=fingerprints,
            send=self.link.send_plain,
            on_closed=self._end,
        )
        self._enter(PeerState.CONNECTING)
        for data in self._early:
            self.on_dtls(data)
        self._early.clear()

    def receive(
        self, spec: ReceiveSpec, *, on_level: Callable[[int], None] | None = None
    ) -> PublishedStream:
        """Accept what the peer publishes on one m-line. May precede :meth:`start`.

        ``on_level`` gets each packet's audio level, 0 (loudest) .. 127 in -dBov (RFC 6464).

        Raises:
            TransportError: the peer is closed, or the mid is in use.
        """
        self._require_open()
        if spec.mid in self._published:
            raise TransportError(f"mid {spec.mid} is in use; close its stream first")
        stream = PublishedStream(
            spec,
            link=self.link,
            local_ssrc=self._reports.ssrc,
            max_video_bps=self._max_video_bps,
            send=self._reports.send,
            on_level=on_level,
            on_close=self._forget_published,
        )
        self._published[spec.mid] = stream
        return stream

    def send(self, stream: PublishedStream, spec: SendSpec) -> SubscribedStream:
        """Forward a published stream to this peer; a key frame is asked for by itself.

        Raises:
            TransportError: the peer or the stream is closed, or an SSRC was used before: the
                same key and numbers must never encrypt twice.
        """
        self._require_open()
        if stream.closed:
            raise TransportError("the stream is closed; it cannot be subscribed to")
        ssrcs = {spec.ssrc} if spec.rtx_ssrc is None else {spec.ssrc, spec.rtx_ssrc}
        if ssrcs & self._used_ssrcs or spec.ssrc == spec.rtx_ssrc:
            raise TransportError("every subscription of a peer needs SSRCs never used before")
        self._used_ssrcs |= ssrcs
        subscribed = SubscribedStream(
            stream,
            spec,
            link=self.link,
            ready=self._keys is not None,
            send=self._reports.send,
            on_close=self._forget_subscribed,
        )
        self._subscribed[spec.ssrc] = subscribed
        return subscribed

    def stats(self) -> PeerStats:
        link = self.link
        heard = link.heard_at
        return PeerStats(
            packets_in=link.packets_in,
            bytes_in=link.bytes_in,
            packets_out=link.packets_out,
            bytes_out=link.bytes_out,
            unauthentic=link.unauthentic,
            idle_seconds=time.monotonic() - heard if heard else 0.0,
            remb_bps=self._reports.remb_bps,
            address=f"{link.address[0]}:{link.address[1]}" if link.address else None,
            srtp_profile=self._keys.profile if self._keys else None,
        )

    async def close(self) -> None:
        """BYE, DTLS close, and forget. Its streams are closed too. Idempotent."""
        self._end()
        if self._ending is not None:
            await asyncio.shield(self._ending)

    @property
    def shaking_hands(self) -> bool:
        return self._handshake is not None and not self._handshake.done()

    # -- called by the port -------------------------------------------------------------------

    def on_check(self, address: Address, remote_ufrag: str, *, nominated: bool) -> bool:
        """An authentic ICE check from ``address``; False if it is not this peer's after all."""
        if self.state in _FINAL:
            return False
        if self._remote_ufrag is not None and remote_ufrag != self._remote_ufrag:
            return False
        now = time.monotonic()
        # A NAT that gave the peer a new port is noticed by the next check, nominating or not.
        silent = now - self.link.heard_at > _SILENT_SECONDS
        self.link.heard_at = now
        self.link.admit(address, select=nominated or silent)
        return True

    def tick(self, now: float) -> None:
        """Everything that happens by the clock, about 40 times a second."""
        if self.state is PeerState.CONNECTING:
            if self._deadline is not None and now > self._deadline:
                _log.info("a peer did not connect within %d s", CONNECT_SECONDS)
                self._end(PeerState.FAILED)
            return
        if self.state is PeerState.CONNECTED and now - self.link.heard_at > LOST_SECONDS:
            self._enter(PeerState.LOST)
        elif self.state is PeerState.LOST and now - self.link.heard_at <= LOST_SECONDS:
            self._enter(PeerState.CONNECTED)
        if self.state is PeerState.CONNECTED:
            for stream in list(self._published.values()):
                stream.tick(now)
            self._reports.tick(now, self._published.values(), self._subscribed.values())

    # -- called by the pump -------------------------------------------------------------------

    def on_dtls(self, data: bytes) -> None:
        if self._dtls is None:
            # Its checks may overtake its answer on the signalling socket.
            self._early.append(data)
            return
        if self._keys is not None:
            self._dtls.feed(data)
            return
        self._turns.add(self._dtls.feed, data)
        if self._handshake is None:
            self._handshake = self._loop.create_task(self._shake_hands(self._dtls))

    def on_unmapped(self, data: bytes, now: float) -> bool:  # noqa: ARG002 - the event's shape
        return demux.assign(data, self._published.values())

    def on_rtcp(self, data: bytes, now: float) -> None:
        try:
            packets = parse_compound(data)
        except FormatError:
            self.link.malformed += 1
            return
        self._reports.receive(packets, now, self._published.values(), self._subscribed)

    # -- inside -------------------------------------------------------------------------------

    async def _shake_hands(self, dtls: DtlsServer) -> None:
        async with self._turns.slots:
            keys = await dtls.handshake()
        if self.state in _FINAL:
            return
        if keys is None:
            _log.info("a peer's DTLS handshake failed")
            self._end(PeerState.FAILED)
            return
        self._keys = keys
        self.link.set_keys(keys.libsrtp_profile, keys.inbound, keys.outbound)
        self._enter(PeerState.CONNECTED)
        for subscribed in list(self._subscribed.values()):
            subscribed.begin()

    def _enter(self, state: PeerState) -> None:
        self.state = state
        self._loop.call_soon(self._on_state, state)

    def _require_open(self) -> None:
        if self.state in _FINAL:
            raise TransportError("the peer is closed; make a new one")

    def _end(self, state: PeerState = PeerState.CLOSED) -> None:
        if self.state in _FINAL:
            return
        for stream in list(self._published.values()):
            stream.close()
        for subscribed in list(self._subscribed.values()):
            subscribed.close()
        self._enter(state)
        self._ending = self._loop.create_task(self._say_goodbye())

    async def _say_goodbye(self) -> None:
        handshake = self._handshake
        if handshake is not None and handshake is not asyncio.current_task():
            handshake.cancel()
            await asyncio.gather(handshake, return_exceptions=True)
        if self._dtls is not None:
            await self._dtls.close()
        self.link.close()
        self._on_gone(self)

    def _forget_published(self, stream: PublishedStream) -> None:
        self._published.pop(stream.spec.mid, None)

    def _forget_subscribed(self, subscribed: SubscribedStream) -> None:
        self._subscribed.pop(subscribed.spec.ssrc, None)
