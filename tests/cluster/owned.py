"""Which release of a cluster that is not ours this ground installed: no other is its to touch.

The record knows the cluster by the UID of its namespace kube-system, and the release by the time
it was first deployed: neither another context nor somebody's later release passes for it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from cluster import commands, places
from cluster.clusters import CURRENT, Cluster
from cluster.errors import GroundError

NAME = "relay"
NAMESPACE = "relay-system"


def refuse_foreign(cluster: Cluster) -> None:
    """Return where Relay may be installed or removed: a cluster of ours always takes it.

    Raises:
        GroundError: the current context holds a release that this ground did not install.
    """
    if cluster.name != CURRENT:
        return
    deployed = _first_deployed(cluster)
    if deployed not in {None, _recorded(cluster)}:
        raise GroundError(
            f"the current context holds a release {NAME} in namespace {NAMESPACE} that this ground "
            "did not install: it would be given test values, and taken away afterwards. Point "
            "kubectl at another cluster, or, if nobody needs it, remove it yourself: "
            f"kubectl delete halls --all --all-namespaces; helm uninstall {NAME} -n {NAMESPACE}",
            step="CLUSTER=current",
        )


@contextlib.contextmanager
def installing(cluster: Cluster) -> Iterator[None]:
    """Refuses as above; what is installed meanwhile is ours, whole or broken off.

    Raises:
        GroundError: as ``refuse_foreign``, or the cluster does not answer.
    """
    refuse_foreign(cluster)
    try:
        yield
    except BaseException:
        # Why it broke off is what must be told, not that Helm does not answer either.
        with contextlib.suppress(GroundError):
            _note(cluster)
        raise
    _note(cluster)


def ours(cluster: Cluster) -> bool:
    """Whether the release that is there now is the one that this ground installed."""
    return _first_deployed(cluster) in {_recorded(cluster)} - {None}


def any_recorded() -> bool:
    """Whether this ground installed into any cluster that is not its own."""
    return any(_folder().iterdir())


def forget(cluster: Cluster) -> None:
    if cluster.name == CURRENT:
        _path(cluster).unlink(missing_ok=True)


def _note(cluster: Cluster) -> None:
    if cluster.name == CURRENT and (deployed := _first_deployed(cluster)) is not None:
        _path(cluster).write_text(deployed)


def _first_deployed(cluster: Cluster) -> str | None:
    """When the release first came, to the nanosecond; None where there is none."""
    command = [str(cluster.tools.helm), "--namespace", NAMESPACE, "status", NAME, "-o", "json"]
    try:
        about = json.loads(commands.output(command, env=cluster.env))["info"]
    except GroundError as error:
        # Anything else, such as a cluster that does not answer, does not mean that there is none.
        if "release: not found" in error.why:
            return None
        raise
    # With helm uninstall --keep-history its record outlives a release.
    return None if about["status"] == "uninstalled" else str(about["first_deployed"])


def _recorded(cluster: Cluster) -> str | None:
    path = _path(cluster)
    return path.read_text() if path.exists() else None


def _path(cluster: Cluster) -> Path:
    uid = cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    return _folder() / uid.strip()


def _folder() -> Path:
    folder = places.state() / "releases"
    folder.mkdir(exist_ok=True)
    return folder
