"""One peer, as the pump knows it: its keys, its addresses, its sources and sinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from relay_media.pump.interface import Address, LinkEvents, SinkRule, SourceEvents, SourceRule
from relay_media.pump.sink import Sink
from relay_media.pump.source import Source
from relay_media.pump.srtp import Buffer, Inbound, Outbound
from relay_media.rtp.errors import FormatError
from relay_media.rtp.header import parse_header, unwrap_rtx

if TYPE_CHECKING:
    from relay_media.pump.pump import Pump

MAX_SSRCS = 64
"""SSRCs that one peer may send under; each costs the SRTP session a stream."""
_MAX_ADDRESSES = 8


class Link:
    """Made by :meth:`Pump.open_link`."""

    def __init__(self, pump: Pump, events: LinkEvents) -> None:
        self._pump = pump
        self._events = events
        self._inbound: Inbound | None = None
        self._outbound: Outbound | None = None
        self._addresses: list[Address] = []
        self._seen: set[int] = set()
        self._sources: dict[int, Source] = {}
        self._repairs: dict[int, tuple[Source, Mapping[int, int]]] = {}
        self.address: Address | None = None
        """Where everything is sent to."""
        self.heard_at = 0.0
        """Monotonic time of the last authentic datagram; 0 before the first."""
        self.packets_in = 0
        self.bytes_in = 0
        self.packets_out = 0
        self.bytes_out = 0
        self.unauthentic = 0
        self.malformed = 0
        self.closed = False

    def set_keys(self, profile: int, inbound: bytes, outbound: bytes) -> None:
        """Keys of libsrtp's ``profile``; before them no media passes either way."""
        self._inbound = Inbound(profile, inbound)
        self._outbound = Outbound(profile, outbound)

    def admit(self, address: Address, *, select: bool) -> None:
        """Take datagrams from an authenticated address, and send there if ``select``."""
        if select or self.address is None:
            self.address = address
        if address in self._addresses:
            if self._pump.route(address) is self:
                return
            self._addresses.remove(address)
        self._addresses.append(address)
        self._pump.set_route(address, self)
        if len(self._addresses) > _MAX_ADDRESSES:
            oldest = next(a for a in self._addresses if a != self.address)
            self._addresses.remove(oldest)
            self._pump.drop_route(oldest, self)

    def open_source(self, rule: SourceRule, events: SourceEvents) -> Source:
        """Packets of ``rule.ssrc`` from this peer feed this source from now on."""
        source = Source(rule, events, self._pump.touch)
        self._sources[rule.ssrc] = source
        return source

    def repair(self, rtx_ssrc: int, source: Source, payload_types: Mapping[int, int]) -> None:
        """Unwrap RTX packets of this SSRC into ``source``; RTX -> media payload type."""
        self._repairs[rtx_ssrc] = (source, payload_types)

    def close_source(self, source: Source) -> None:
        for sink in list(source.sinks):
            sink.attach(None)
        self._sources = {k: v for k, v in self._sources.items() if v is not source}
        self._repairs = {k: v for k, v in self._repairs.items() if v[0] is not source}

    def open_sink(self, rule: SinkRule) -> Sink:
        """A way out to this peer, not yet attached to a source."""
        return Sink(self, rule)

    # -- called by the pump -------------------------------------------------------------------

    def receive_dtls(self, data: bytes) -> None:
        self._events.on_dtls(data)

    def receive_rtcp(self, buffer: Buffer, size: int, now: float) -> None:
        if self._inbound is None:
            return
        plain = self._inbound.rtcp(buffer, size)
        if plain < 0:
            self.unauthentic += 1
            self._pump.unauthentic += 1
            return
        self.heard_at = now
        self._events.on_rtcp(bytes(buffer.view[:plain]), now)

    def receive_rtp(self, buffer: Buffer, size: int, now: float) -> None:
        """Decrypt in the buffer and hand on.

        Raises:
            FormatError: it is authentic and yet no RTP.
        """
        if self._inbound is None:
            return
        view = buffer.view
        ssrc = int.from_bytes(view[8:12], "big")
        if ssrc not in self._seen and len(self._seen) >= MAX_SSRCS:
            self.unauthentic += 1
            self._pump.unauthentic += 1
            return
        plain = self._inbound.rtp(buffer, size)
        if plain < 0:
            self.unauthentic += 1
            self._pump.unauthentic += 1
            return
        self._seen.add(ssrc)
        self.heard_at = now
        self.packets_in += 1
        self.bytes_in += size
        data = bytes(view[:plain])
        source = self._sources.get(ssrc)
        if source is not None:
            source.receive(data, now)
        elif ssrc in self._repairs:
            self._repair(data, ssrc, now)
        elif self._events.on_unmapped(data, now):
            self._dispatch(data, ssrc, now)

    def _dispatch(self, data: bytes, ssrc: int, now: float) -> None:
        source = self._sources.get(ssrc)
        if source is not None:
            source.receive(data, now)
        elif ssrc in self._repairs:
            self._repair(data, ssrc, now)

    def _repair(self, data: bytes, ssrc: int, now: float) -> None:
        source, payload_types = self._repairs[ssrc]
        header = parse_header(data)
        payload_type = payload_types.get(header.payload_type)
        if payload_type is None:
            return
        try:
            packet = unwrap_rtx(data, header, payload_type=payload_type, ssrc=source.rule.ssrc)
        except FormatError:
            return  # Padding that a sender probes the path with: not malformed, and no repair.
        source.receive(bytes(packet), now, repaired=True)

    def send_rtp(
        self, items: Sequence[tuple[bytes | bytearray, int, int, int]], ssrc: int
    ) -> tuple[int, int]:
        """Encrypt and send (packet, second byte, sequence, timestamp) each; (packets, octets)."""
        if self._outbound is None or self.address is None or self.closed:
            return 0, 0
        sent, octets = self._pump.send_rtp(self._outbound, self.address, items, ssrc)
        self.packets_out += sent
        self.bytes_out += octets
        return sent, octets

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send a compound, if there are keys and an address."""
        if self._outbound is None or self.address is None or self.closed:
            return
        self._pump.send_rtcp(self._outbound, self.address, data)

    def send_plain(self, data: bytes) -> None:
        """Send DTLS as it is."""
        if self.address is not None and not self.closed:
            self._pump.send(data, self.address)

    def close(self) -> None:
        """Forget keys, addresses and streams. Idempotent."""
        self.closed = True
        for source in list(self._sources.values()):
            self.close_source(source)
        for address in self._addresses:
            self._pump.drop_route(address, self)
        self._addresses.clear()
        self._inbound = self._outbound = None
