"""The pump in pure Python: one socket, read dry at each wake-up, batches out with UDP GSO."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Sequence

from relay_media.pump.interface import Address, LinkEvents, PortEvents
from relay_media.pump.link import Link
from relay_media.pump.source import Source
from relay_media.pump.srtp import TRAILER, Buffer, Outbound
from relay_media.rtp.errors import FormatError

MAX_DATAGRAM = 1500
_PER_WAKE_UP = 128
"""Datagrams read before other tasks have their turn."""
_SOCKET_BUFFER = 4 << 20
_RUN_BYTES = 60_000
_RUN_SEGMENTS = 60
"""The kernel's own limits are 65507 bytes and 64 segments."""
_MAX_SEGMENT = 1350
"""Larger ones might not fit the path, which the kernel refuses like missing support."""
_UDP_SEGMENT = 103
_SEGMENT = struct.Struct("=H")
_NUMBERS = struct.Struct("!BHLL")


class Pump:
    """Owns the socket. Everything runs on the event loop that :meth:`start` was called on."""

    def __init__(self, sock: socket.socket, events: PortEvents) -> None:
        self._socket = sock
        self._events = events
        self._routes: dict[Address, Link] = {}
        self._touched: list[Source] = []
        self._in = Buffer(2048)
        self._out = Buffer(_RUN_BYTES + 4 * MAX_DATAGRAM)
        self._gso = hasattr(socket, "SOL_UDP") and hasattr(socket.socket, "sendmsg")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.packets_in = self.bytes_in = 0
        self.packets_out = self.bytes_out = 0
        self.strangers = self.oversize = self.malformed = self.unauthentic = 0
        self.send_errors = 0
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER)

    @property
    def segmentation(self) -> bool:
        """Whether runs of packets leave with one system call (UDP GSO)."""
        return self._gso

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Stop reading and close the socket. Idempotent."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop = None
        self._routes.clear()
        self._socket.close()

    def open_link(self, events: LinkEvents) -> Link:
        return Link(self, events)

    def route(self, address: Address) -> Link | None:
        return self._routes.get(address)

    def set_route(self, address: Address, link: Link) -> None:
        self._routes[address] = link

    def drop_route(self, address: Address, link: Link) -> None:
        if self._routes.get(address) is link:
            del self._routes[address]

    def touch(self, source: Source) -> None:
        """This source has packets to send at the end of the wake-up."""
        self._touched.append(source)

    # -- in -----------------------------------------------------------------------------------

    def _readable(self) -> None:
        now = time.monotonic()
        receive, view = self._socket.recvfrom_into, self._in.view
        for _ in range(_PER_WAKE_UP):
            try:
                size, address = receive(view)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP error of an earlier send: that peer's own timer will tell.
                self.send_errors += 1
                continue
            self.packets_in += 1
            self.bytes_in += size
            try:
                self._receive(size, address, now)
            except FormatError:
                self.malformed += 1
        if self._touched:
            touched, self._touched = self._touched, []
            for source in touched:
                source.flush(now)

    def _receive(self, size: int, address: Address, now: float) -> None:
        if size > MAX_DATAGRAM:
            self.oversize += 1
            return
        if not size:
            self.malformed += 1
            return
        view = self._in.view
        first = view[0]
        if first < 4:
            self._events.on_stun(bytes(view[:size]), address)
            return
        link = self._routes.get(address)
        if link is None:
            self.strangers += 1
        elif 128 <= first <= 191 and size >= 12:
            if 192 <= view[1] <= 223:
                link.receive_rtcp(self._in, size, now)
            else:
                link.receive_rtp(self._in, size, now)
        elif 20 <= first <= 63 and size >= 13:
            link.receive_dtls(bytes(view[:size]))
        else:
            self.malformed += 1

    # -- out ----------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview, address: Address) -> bool:
        """Send one datagram; False, and counted, if the kernel would not take it."""
        try:
            self._socket.sendto(data, address)
        except OSError:
            self.send_errors += 1
            return False
        self.packets_out += 1
        self.bytes_out += len(data)
        return True

    def send_rtcp(self, keys: Outbound, address: Address, data: bytes) -> None:
        out = self._out
        size = len(data)
        if size + TRAILER > out.size:
            raise ValueError("an RTCP compound must fit one datagram")
        out.view[:size] = data
        size = keys.rtcp(out, size)
        if size > 0:
            self.send(out.view[:size], address)

    def send_rtp(
        self,
        keys: Outbound,
        address: Address,
        items: Sequence[tuple[bytes | bytearray, int, int, int]],
        ssrc: int,
    ) -> tuple[int, int]:
        """Encrypt (packet, second byte, sequence, timestamp) each with ``ssrc`` and send.

        Packets of one size, the last of a run perhaps shorter, leave as one segmented datagram.
        Returns how many packets and octets the kernel took.
        """
        out = self._out
        view, base, length = out.view, out.pointer, out.length
        handle, protect = keys.handle, keys.protect
        start = position = segment = count = 0
        ended = False
        sent = octets = 0
        for packet, second, sequence, timestamp in items:
            size = len(packet)
            if position + size + TRAILER > out.size:
                ended = True
            # The packet is written behind the run; it begins the next one if it does not fit in.
            if ended:
                if count:
                    done = self._send_run(view[start:position], segment, count, address)
                    sent, octets = sent + (count if done else 0), octets + done
                start = position = count = 0
                ended = False
            view[position : position + size] = packet
            _NUMBERS.pack_into(view, position + 1, second, sequence, timestamp, ssrc)
            length[0] = size
            if protect(handle, base + position, length):
                self.send_errors += 1
                continue
            size = length[0]
            if count and (
                size > segment or count >= _RUN_SEGMENTS or position + size - start > _RUN_BYTES
            ):
                done = self._send_run(view[start:position], segment, count, address)
                sent, octets = sent + (count if done else 0), octets + done
                start, count = position, 0
            if not count:
                segment = size
            ended = size < segment
            position += size
            count += 1
        if count:
            done = self._send_run(view[start:position], segment, count, address)
            sent, octets = sent + (count if done else 0), octets + done
        return sent, octets

    def _send_run(self, run: memoryview, segment: int, count: int, address: Address) -> int:
        """Send equal packets that lie one behind the other; the octets that were taken."""
        if count > 1 and self._gso and segment <= _MAX_SEGMENT:
            control = [(socket.SOL_UDP, _UDP_SEGMENT, _SEGMENT.pack(segment))]
            try:
                self._socket.sendmsg([run], control, 0, address)
            except BlockingIOError:
                self.send_errors += count
                return 0
            except OSError as error:
                if error.errno not in {errno.EIO, errno.EINVAL, errno.EMSGSIZE}:
                    self.send_errors += count
                    return 0
                # The device or kernel cannot: one by one, for good.
                self._gso = False
            else:
                self.packets_out += count
                self.bytes_out += len(run)
                return len(run)
        taken = 0
        for at in range(0, len(run), segment):
            piece = run[at : at + segment]
            if self.send(piece, address):
                taken += len(piece)
        return taken
