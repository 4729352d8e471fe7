"""One publisher and its subscribers, run in ticks; windows are cut between two frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.load.publisher import Publisher
from bench.load.stream import TICK_SECONDS
from bench.load.subscriber import Subscriber
from bench.summary import percentile

_REPORT_SECONDS = 1.0
_CONSENT_SECONDS = 2.5


@dataclass(frozen=True, kw_only=True)
class Window:
    """What happened between two frame boundaries. Times in seconds, delays in milliseconds."""

    seconds: float
    cpu_seconds: float
    generator_cpu_seconds: float
    sent: int
    received: tuple[int, ...]
    duplicates: int
    opened: int
    damaged: int
    delay_p50_ms: float
    delay_p99_ms: float
    late_ms: float

    @property
    def forwarded(self) -> int:
        return sum(self.received)

    @property
    def least_share(self) -> float:
        """The share of the sent packets that the worst-served subscriber received."""
        return min(self.received) / self.sent if self.sent else 0.0

    @property
    def per_cpu_second(self) -> float:
        return self.forwarded / self.cpu_seconds if self.cpu_seconds else 0.0


class Room:
    """A connected publisher with its connected subscribers."""

    def __init__(
        self, publisher: Publisher, subscribers: list[Subscriber], *, cpu: Callable[[], float]
    ) -> None:
        self._publisher = publisher
        self._subscribers = subscribers
        self._cpu = cpu
        now = time.monotonic()
        self._next_report = now + _REPORT_SECONDS
        self._next_consent = now + _CONSENT_SECONDS

    async def measure(
        self, *, packets_per_second: int, warm_seconds: float, seconds: float
    ) -> Window:
        """Run at one rate: warm up, then count for ``seconds``."""
        publisher = self._publisher
        publisher.set_rate(packets_per_second)
        await self._run_until(time.monotonic() + warm_seconds)
        for subscriber in self._subscribers:
            subscriber.begin_window()
        sent, cpu, own, began = publisher.sent, self._cpu(), time.process_time(), time.monotonic()
        publisher.late_seconds = 0.0
        await self._run_until(began + seconds)
        ended, cpu_end, own_end = time.monotonic(), self._cpu(), time.process_time()
        window_sent = publisher.sent - sent
        publisher.set_rate(0)
        probe = self._subscribers[0]
        delays = [delay / 1e6 for delay in probe.delays_ns] or [float("nan")]
        return Window(
            seconds=ended - began,
            cpu_seconds=cpu_end - cpu,
            generator_cpu_seconds=own_end - own,
            sent=window_sent,
            received=tuple(s.distinct for s in self._subscribers),
            duplicates=sum(s.received - s.distinct for s in self._subscribers),
            opened=sum(s.opened for s in self._subscribers),
            damaged=sum(s.damaged for s in self._subscribers),
            delay_p50_ms=percentile(delays, 50),
            delay_p99_ms=percentile(delays, 99),
            late_ms=publisher.late_seconds * 1e3,
        )

    async def first_packets(self, *, packets_per_second: int, deadline_seconds: float) -> bool:
        """Send until every subscriber got something; False when the deadline passed."""
        self._publisher.set_rate(packets_per_second)
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            await self._run_until(time.monotonic() + 0.1)
            if all(s.received for s in self._subscribers):
                return True
        return False

    async def _run_until(self, moment: float) -> None:
        """Tick until then, and on to the pause after the frame that is being sent."""
        tick = time.monotonic()
        while True:
            self._publisher.send_due()
            self._drain()
            now = time.monotonic()
            self._housekeeping(now)
            if now >= moment and self._publisher.between_frames:
                break
            tick = max(tick + TICK_SECONDS, now - TICK_SECONDS)
            await asyncio.sleep(max(0.0, tick - time.monotonic()))
        # What is on its way arrives well within the pause between two frames.
        await asyncio.sleep(2 * TICK_SECONDS)
        self._drain()

    def _drain(self) -> None:
        for subscriber in self._subscribers:
            subscriber.drain()
        endpoint = self._publisher.endpoint
        while True:
            try:
                data = endpoint.socket.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if data and 127 < data[0] < 192:
                self._publisher.take_rtcp(data)
            elif data and data[0] < 4:
                endpoint.answer_check(data)

    def _housekeeping(self, now: float) -> None:
        if now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self._publisher.report()
            for subscriber in self._subscribers:
                subscriber.report()
        if now >= self._next_consent:
            self._next_consent = now + _CONSENT_SECONDS
            self._publisher.endpoint.socket.send(self._publisher.endpoint.binding_request())
            for subscriber in self._subscribers:
                subscriber.consent()
