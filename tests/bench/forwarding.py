"""Packets forwarded per CPU-second, 1 publisher to N subscribers: Relay and Janus in turn."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiortc.rtcdtlstransport import RTCCertificate

from bench.errors import ServerError
from bench.load.endpoint import Endpoint
from bench.load.publisher import PAYLOAD_BYTES, Publisher
from bench.load.room import Room, Window
from bench.load.stream import FRAMES_PER_SECOND
from bench.load.subscriber import Subscriber
from bench.machine import describe
from bench.network import private_network
from bench.processes import cores, cpu_seconds, first_in_line, memory
from bench.progress import say
from bench.report import Outcome, Table
from bench.servers.base import Server
from bench.servers.janus import Janus, ensure_installed
from bench.servers.relay import Relay
from bench.summary import median, ranged, significant

#: A row counts only if its worst-served subscriber got more than this share of the packets.
LEAST_SHARE = 0.99


@dataclass(frozen=True, kw_only=True)
class Options:
    """``rates`` in packets per second of the publisher; times in seconds."""

    rates: tuple[int, ...] = (30, 300, 1000, 2000)
    subscribers: int = 20
    repetitions: int = 3
    warm_seconds: float = 2.0
    seconds: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One window of one server at one rate."""

    server: str
    rate: int
    repetition: int
    profile: str
    rss_bytes: int
    window: Window

    @property
    def valid(self) -> bool:
        return self.window.least_share > LEAST_SHARE and not self.window.damaged


SERVERS: dict[str, Callable[[str], Server]] = {
    "relay": lambda host: Relay(host=host),
    "janus": lambda host: Janus(host=host, event_loops=0),
    "janus-loop": lambda host: Janus(host=host, event_loops=1),
}


def run(options: Options, *, servers: Sequence[str] = tuple(SERVERS)) -> Outcome:
    """Measure every server ``repetitions`` times, in turn, and tabulate medians and extremes.

    Raises:
        BenchError: a server is missing or does not work; the message says what to do.
    """
    if any(name.startswith("janus") for name in servers):
        ensure_installed()
    server_core, load_core = cores()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {load_core})
    results: list[Measured] = []
    try:
        with private_network() as host, first_in_line():
            for repetition in range(options.repetitions):
                turn = repetition % len(servers)
                for name in [*servers[turn:], *servers[:turn]]:
                    run_one = _measure(SERVERS[name](host), options, repetition, server_core, host)
                    results += asyncio.run(run_one)
    finally:
        os.sched_setaffinity(0, before)
    return Outcome(table=tabulate(results, options), raw=_raw(results, options))


async def _measure(
    server: Server, options: Options, repetition: int, core: int, host: str
) -> list[Measured]:
    """Start the server, join everybody, run through the rates, stop it."""
    endpoints: list[Endpoint] = []
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
        try:
            await server.start(folder=Path(folder), core=core)
            room, profile = await _join(server, endpoints, options.subscribers, host)
            if not await room.first_packets(packets_per_second=300, deadline_seconds=10):
                raise ServerError(f"{server.name}: a subscriber got nothing in 10 s")
            results = []
            for rate in options.rates:
                window = await room.measure(
                    packets_per_second=rate,
                    warm_seconds=options.warm_seconds,
                    seconds=options.seconds,
                )
                measured = Measured(
                    server=server.name,
                    rate=rate,
                    repetition=repetition,
                    profile=profile,
                    rss_bytes=memory(server.process.pid).rss,
                    window=window,
                )
                say(_progress(measured))
                results.append(measured)
        finally:
            for endpoint in endpoints:
                endpoint.close()
            await server.stop()
    return results


async def _join(
    server: Server, endpoints: list[Endpoint], count: int, host: str
) -> tuple[Room, str]:
    certificate = RTCCertificate.generateCertificate()
    upstream = Endpoint(certificate, host=host)
    endpoints.append(upstream)
    ssrc = secrets.randbits(31)
    await server.publish(upstream, ssrc=ssrc, rtx_ssrc=ssrc + 1)
    publisher = Publisher(upstream, ssrc=ssrc)
    # A server may tell its subscribers of a stream only after the first packet of it.
    publisher.set_rate(30)
    publisher.send_due()
    subscribers = []
    for index in range(count):
        endpoint = Endpoint(certificate, host=host)
        endpoints.append(endpoint)
        payload_type = await server.subscribe(endpoint)
        subscribers.append(Subscriber(endpoint, payload_type=payload_type, probe=index == 0))
    keys = endpoints[-1].keys
    pid = server.process.pid
    room = Room(publisher, subscribers, cpu=lambda: cpu_seconds(pid))
    return room, keys.profile if keys else ""


def _progress(measured: Measured) -> str:
    window = measured.window
    return (
        f"{measured.server}: {measured.rate} packets/s, {window.forwarded / window.seconds:,.0f}/s "
        f"forwarded, {window.cpu_seconds / window.seconds:.0%} CPU, "
        f"{window.per_cpu_second:,.0f} per CPU-second, worst {window.least_share:.2%}, "
        f"p50 {window.delay_p50_ms:.2f} ms{'' if measured.valid else ' INVALID'}"
    )


def tabulate(results: Sequence[Measured], options: Options) -> Table:
    """One row per rate and server: medians, extremes in brackets. Pure."""
    groups: dict[tuple[int, str], list[Measured]] = defaultdict(list)
    for measured in results:
        groups[measured.rate, measured.server].append(measured)
    rows = []
    for (rate, server), group in sorted(groups.items(), key=lambda item: item[0][0]):
        windows = [measured.window for measured in group]
        valid = all(measured.valid for measured in group)
        rows.append(
            (
                f"{rate:,}",
                server,
                ranged([w.forwarded / w.seconds for w in windows]),
                f"{median([100 * w.cpu_seconds / w.seconds for w in windows]):.1f} %",
                ranged([w.per_cpu_second for w in windows]) + ("" if valid else " **invalid**"),
                _milliseconds([w.delay_p50_ms for w in windows]),
                _milliseconds([w.delay_p99_ms for w in windows]),
                f"{min(w.least_share for w in windows):.2%}",
                f"{median([m.rss_bytes for m in group]) / 1e6:.0f} MB",
            )
        )
    profiles = sorted({f"{m.server}: {m.profile}" for m in results})
    notes = (
        f"1 publisher → {options.subscribers} subscribers, {PAYLOAD_BYTES}-byte VP8 payloads, "
        f"{FRAMES_PER_SECOND} frames/s in paced bursts; median (lowest–highest) of "
        f"{options.repetitions} windows of {options.seconds:g} s, the servers in turn. "
        "Added delay is publisher's send to the kernel's arrival time at one subscriber. "
        f"A row is *invalid* if any subscriber got {LEAST_SHARE:.0%} of the packets or less. "
        f"SRTP: {'; '.join(profiles)}.",
    )
    columns = (
        "publisher packets/s",
        "server",
        "forwarded/s",
        "server CPU",
        "forwarded per CPU-second",
        "delay p50",
        "delay p99",
        "least received",
        "RSS",
    )
    return Table(columns=columns, rows=tuple(rows), notes=notes)


def _milliseconds(values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return f"{significant(median(known), 2)} ms" if known else "-"


def _raw(results: Sequence[Measured], options: Options) -> dict[str, Any]:
    return {
        "benchmark": "forwarding",
        "machine": describe().as_dict(),
        "options": asdict(options),
        "results": [asdict(measured) for measured in results],
    }
