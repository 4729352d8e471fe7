"""The publisher: sends by its schedule, makes key frames when asked, reports each second."""

from __future__ import annotations

import secrets
import time

from pylibsrtp import Error as SrtpError

from bench.errors import ServerError
from bench.load.description import VIDEO_PT
from bench.load.endpoint import Endpoint
from bench.load.rtcp import asks_for_keyframe, sender_report
from bench.load.stream import CLOCK, FRAMES_PER_SECOND, Schedule, payload, rtp_header

PAYLOAD_BYTES = 1100


class Publisher:
    """One VP8-shaped track over a connected endpoint."""

    def __init__(self, endpoint: Endpoint, *, ssrc: int, mid: str = "0") -> None:
        self.endpoint = endpoint
        self.ssrc = ssrc
        self._mid = mid.encode()
        self._sequence = secrets.randbelow(2**15)
        self._timestamp = secrets.randbelow(2**31)
        self._schedule: Schedule | None = None
        self._started = 0.0
        self._key_wanted = True
        self._frame_is_key = False
        self.sent = 0
        self.late_seconds = 0.0
        self.keyframe_requests = 0
        self.blocked = 0

    def set_rate(self, packets_per_second: int) -> None:
        """Begin a new schedule now; 0 pauses."""
        if self._schedule is not None:
            self._timestamp += int((time.perf_counter() - self._started) * CLOCK) + CLOCK // 30
        self._schedule = Schedule(packets_per_second) if packets_per_second else None
        self._started = time.perf_counter()
        self.late_seconds = 0.0

    @property
    def between_frames(self) -> bool:
        return self._schedule is None or self._schedule.between_frames

    def send_due(self) -> None:
        """Send the packets whose time has come."""
        keys = self.endpoint.keys
        if self._schedule is None:
            return
        if keys is None:
            raise ServerError("connect the publisher first")
        now = time.perf_counter() - self._started
        for due in self._schedule.due(now):
            if due.first:
                self._frame_is_key, self._key_wanted = self._key_wanted, False
                self.late_seconds = max(self.late_seconds, now - due.frame / FRAMES_PER_SECOND)
            header = rtp_header(
                payload_type=VIDEO_PT,
                marker=due.last,
                sequence=self._sequence,
                timestamp=self._timestamp + due.frame * CLOCK // FRAMES_PER_SECOND,
                ssrc=self.ssrc,
                mid=self._mid,
            )
            body = payload(
                size=PAYLOAD_BYTES,
                frame=due.frame,
                first=due.first,
                key=self._frame_is_key,
                counter=self.sent,
                sent_ns=time.time_ns(),
            )
            try:
                self.endpoint.socket.send(keys.send.protect(header + body))
            except BlockingIOError:
                self.blocked += 1
            self._sequence += 1
            self.sent += 1

    def take_rtcp(self, data: bytes) -> None:
        """Heed a request for a key frame; the rest of a server's feedback changes nothing here."""
        if self.endpoint.keys is None:
            return
        try:
            compound = self.endpoint.keys.receive.unprotect_rtcp(data)
        except SrtpError:
            return
        if asks_for_keyframe(compound):
            self.keyframe_requests += 1
            self._key_wanted = True

    def report(self) -> None:
        """Send a sender report."""
        if self.endpoint.keys is None or self._schedule is None:
            return
        elapsed = time.perf_counter() - self._started
        packet = sender_report(
            own=self.ssrc,
            unix_seconds=time.time(),
            rtp_timestamp=self._timestamp + int(elapsed * CLOCK),
            packets=self.sent,
            octets=self.sent * PAYLOAD_BYTES,
        )
        self.endpoint.socket.send(self.endpoint.keys.send.protect_rtcp(packet))
