"""Prometheus metrics of one pod. Identities and names are never labels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from relay_media.transport import PortStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One registry per process; tests make as many as they like."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.participants = Gauge(
            "relay_media_participants", "People in the hall", registry=self.registry
        )
        self.sockets = Gauge(
            "relay_media_sockets", "Open signalling sockets", registry=self.registry
        )
        tasks = Gauge("relay_media_tasks", "Tasks on the event loop", registry=self.registry)
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        self.joins = self._counter("joins", "Joins by result", "result")
        self.left = self._counter("left", "People who left, by reason", "reason")
        self.refusals = self._counter("refusals", "Refused messages, by error code", "code")
        self.control = self._counter("control_requests", "Control requests, by result", "result")
        self.messages = self._counter("messages", "Signalling messages read, by type", "type")

    def watch_port(self, stats: Callable[[], PortStats]) -> None:
        """Export the media port's counters, read when scraped."""
        self.registry.register(_PortCollector(stats))

    def expose(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"relay_media_{name}", help_, labels, registry=self.registry)


class _PortCollector(Collector):
    _COUNTERS = (
        ("packets_in", "Datagrams received"),
        ("bytes_in", "Bytes received"),
        ("packets_out", "Datagrams sent"),
        ("bytes_out", "Bytes sent"),
        ("strangers", "Datagrams from addresses without an authenticated ICE check"),
        ("oversize", "Datagrams over 1500 bytes"),
        ("malformed", "Datagrams of no known protocol"),
        ("unauthentic", "Datagrams that failed authentication"),
        ("send_errors", "Datagrams that the kernel would not take"),
    )
    _GAUGES = (("peers", "Peer connections"), ("handshakes", "DTLS handshakes going on"))

    def __init__(self, stats: Callable[[], PortStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        stats = self._stats()
        for name, help_ in self._COUNTERS:
            yield CounterMetricFamily(f"relay_media_port_{name}", help_, getattr(stats, name))
        for name, help_ in self._GAUGES:
            yield GaugeMetricFamily(f"relay_media_port_{name}", help_, getattr(stats, name))
