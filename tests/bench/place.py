"""Where the installed Relay is: read from the environment that `make` sets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.errors import BenchError


@dataclass(frozen=True, kw_only=True)
class Place:
    """``url`` without a slash at its end; ``namespace`` is the API key's tenant."""

    url: str
    api_key: str = field(repr=False)
    namespace: str = "relay-halls"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def read_place(environ: Mapping[str, str] = os.environ) -> Place:
    """The place that ``RELAY_URL`` and ``RELAY_API_KEY`` name.

    Raises:
        BenchError: one of them is not set.
    """
    url, key = environ.get("RELAY_URL", ""), environ.get("RELAY_API_KEY", "")
    if not url or not key:
        raise BenchError(
            "RELAY_URL and RELAY_API_KEY are not set: run `make up`, then `make bench`"
        )
    namespace = environ.get("RELAY_BENCH_NAMESPACE") or "relay-halls"
    return Place(url=url.rstrip("/"), api_key=key, namespace=namespace)


def need_kubeconfig(environ: Mapping[str, str] = os.environ) -> None:
    """Say so early when no cluster is named.

    Raises:
        BenchError: ``KUBECONFIG`` is not set.
    """
    if not environ.get("KUBECONFIG"):
        raise BenchError("KUBECONFIG is not set: run `make up`, then `make bench`")
