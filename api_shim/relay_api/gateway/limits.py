"""How many refused tokens one address may bring, and how many sockets there may be. Pure."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_ADDRESSES: Final = 10_000


class FailureLimit:
    """A token bucket for each address: ``burst`` failures at once, then one in ``seconds``.

    Only failures are counted. An address whose bucket is empty is refused before its token is
    looked at, until the bucket fills again. IPv6 counts by /64, as one host has as many addresses
    there as it likes. At most 10,000 addresses are kept, those longest unheard of go first.
    """

    def __init__(
        self,
        *,
        burst: int = 30,
        seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def exceeded(self, address: str) -> bool:
        return self._level(_network(address)) < 1

    def failed(self, address: str) -> None:
        network = _network(address)
        self._buckets[network] = (max(self._level(network) - 1, 0.0), self._clock())
        self._buckets.move_to_end(network)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)

    def _level(self, network: str) -> float:
        level, at = self._buckets.get(network, (float(self._burst), self._clock()))
        return min(level + (self._clock() - at) / self._seconds, float(self._burst))


class Occupancy:
    """How many sockets are open, and whether there may be another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.open = 0

    @property
    def exceeded(self) -> bool:
        return self.open > self._most


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if parsed.version == 6 and (mapped := getattr(parsed, "ipv4_mapped", None)) is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(mapped if parsed.version == 6 else parsed)
