"""A subscriber: counts distinct sequence numbers, opens a sample to prove packets whole."""

from __future__ import annotations

import secrets
import socket
import struct

from pylibsrtp import Error as SrtpError

from bench.load.endpoint import Endpoint
from bench.load.rtcp import receiver_report
from bench.load.stream import read_stamp

_SAMPLE_EVERY = 64
_SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
_TIMESPEC = struct.Struct("qq")


class Subscriber:
    """Receives one track. A *probe* opens every packet and measures its delay by kernel time."""

    def __init__(self, endpoint: Endpoint, *, payload_type: int, probe: bool = False) -> None:
        self.endpoint = endpoint
        self._pt = payload_type
        self._own = secrets.randbits(31)
        self._media = 0
        self._highest = 0
        self._seen = bytearray(65536)
        self._buffer = bytearray(2048)
        self._probe = probe
        if probe:
            endpoint.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.begin_window()

    def begin_window(self) -> None:
        """Forget what was counted."""
        self._seen[:] = bytes(65536)
        self.received = 0
        self.opened = 0
        self.damaged = 0
        self.delays_ns: list[int] = []

    @property
    def distinct(self) -> int:
        """Distinct packets since the window began (one window holds less than 65,536)."""
        return sum(self._seen)

    def drain(self) -> None:
        """Take everything that waits in the socket."""
        if self._probe:
            self._drain_probe()
            return
        receive, buffer, pt, seen = (
            self.endpoint.socket.recv_into,
            self._buffer,
            self._pt,
            self._seen,
        )
        while True:
            try:
                length = receive(buffer)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if buffer[1] & 127 == pt and 127 < buffer[0] < 192:
                sequence = buffer[2] << 8 | buffer[3]
                seen[sequence] = 1
                self.received += 1
                if not self.received % _SAMPLE_EVERY or not self._media:
                    self._open(bytes(buffer[:length]))
                self._highest = sequence
            elif buffer[0] < 4:
                self.endpoint.answer_check(bytes(buffer[:length]))

    def _drain_probe(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.endpoint.socket.recvmsg(2048, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if data[1] & 127 == self._pt and 127 < data[0] < 192:
                sequence = data[2] << 8 | data[3]
                self._seen[sequence] = 1
                self.received += 1
                self._highest = sequence
                stamp = self._open(data)
                arrived = _kernel_time(ancillary)
                if stamp is not None and arrived is not None:
                    self.delays_ns.append(arrived - stamp)
            elif data[0] < 4:
                self.endpoint.answer_check(data)

    def _open(self, data: bytes) -> int | None:
        """Decrypt and check; the publisher's send time, or None when the bytes are damaged."""
        if self.endpoint.keys is None:
            return None
        self.opened += 1
        try:
            packet = self.endpoint.keys.receive.unprotect(data)
        except SrtpError:
            self.damaged += 1
            return None
        self._media = int.from_bytes(packet[8:12], "big")
        stamp = read_stamp(packet)
        if stamp is None:
            self.damaged += 1
            return None
        return stamp[1]

    def report(self) -> None:
        """Send a receiver report and REMB, once media flows."""
        if self._media and self.endpoint.keys is not None:
            packet = receiver_report(
                own=self._own, media=self._media, highest_sequence=self._highest
            )
            self.endpoint.socket.send(self.endpoint.keys.send.protect_rtcp(packet))

    def consent(self) -> None:
        """Repeat the check, as a browser does."""
        self.endpoint.socket.send(self.endpoint.binding_request())


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return None
