"""Where the installed Relay is: the cluster that `make` names, or an address and a key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.errors import BenchError
from cluster import Cluster, get, up
from cluster.errors import GroundError
from cluster.release import TENANT, api_key

_HINT = "run `make bench`, or name a cluster that has Relay in it by RELAY_CLUSTER"


@dataclass(frozen=True, kw_only=True)
class Place:
    """``url`` without a slash at its end; ``namespace`` is the API key's tenant."""

    url: str
    api_key: str = field(repr=False)
    namespace: str = TENANT

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def read_place(environ: Mapping[str, str] = os.environ, *, routed: bool = False) -> Place:
    """The place that ``RELAY_URL`` and ``RELAY_API_KEY`` name, else the one in ``RELAY_CLUSTER``.

    With ``routed`` the pods' own addresses are made reachable from this machine, where the cluster
    is one of ours.

    Raises:
        BenchError: neither is set, or the cluster is not up.
    """
    url, key = environ.get("RELAY_URL", ""), environ.get("RELAY_API_KEY", "")
    if environ.get("RELAY_CLUSTER"):
        try:
            found = _cluster(environ)
            if routed:
                found.routes("add")
            url, key = found.url, key or api_key(found)
        except GroundError as error:
            raise BenchError(str(error)) from error
    if not url or not key:
        raise BenchError(f"it is not known where Relay is: {_HINT}")
    namespace = environ.get("RELAY_BENCH_NAMESPACE") or TENANT
    return Place(url=url.rstrip("/"), api_key=key, namespace=namespace)


def _cluster(environ: Mapping[str, str]) -> Cluster:
    name = environ["RELAY_CLUSTER"]
    found = up(name) if environ.get("CLUSTER") == "current" else get(name)
    if found is None:
        raise BenchError(f"cluster {name} is not up: {_HINT}")
    return found


def need_kubeconfig(environ: Mapping[str, str] = os.environ) -> None:
    """Say so early when no cluster is named.

    Raises:
        BenchError: ``KUBECONFIG`` is not set.
    """
    if not environ.get("KUBECONFIG"):
        raise BenchError(f"KUBECONFIG is not set: {_HINT}")
