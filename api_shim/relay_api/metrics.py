"""What the shim counts, for Prometheus. No label carries a hall, a person or a key."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One set per process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "relay_api_requests", "HTTP requests.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.request_seconds = Histogram(
            "relay_api_request_seconds", "Time to answer an HTTP request.", ["method", "route"],
            buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )  # fmt: skip
        self.watch_failures = Counter(
            "relay_api_watch_failures", "Lists and watches that broke.", ["kind"],
            registry=self.registry,
        )  # fmt: skip
        self.relists = Counter(
            "relay_api_relists", "Lists read again because the watch's version was too old.",
            ["kind"], registry=self.registry,
        )  # fmt: skip
        self.halls = Gauge("relay_api_halls", "Halls in the watch cache.", registry=self.registry)
        self.sockets = Gauge(
            "relay_api_gateway_sockets", "Open signalling connections.", registry=self.registry
        )
        self.socket_closes = Counter(
            "relay_api_gateway_closes", "Signalling connections by how they ended.", ["code"],
            registry=self.registry,
        )  # fmt: skip
        self.joins = Histogram(
            "relay_api_gateway_wait_seconds",
            "Time from an accepted join token to a media pod's open socket.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40, 80, 120),
            registry=self.registry,
        )

    def render(self) -> bytes:
        """The text exposition format, version 0.0.4."""
        return generate_latest(self.registry)
