"""kubectl, helm and kind: from PATH where the version fits, else built from their Go modules.

All programs come from one Go module (``go/``), so that its go.sum pins them and what they share is
compiled once. Each finished program is moved into the cache at once: an interrupted build goes on
with the rest, and Go's own build cache keeps what was compiled.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, places
from cluster.errors import GroundError
from cluster.progress import say, step

KUBERNETES = "v1.34.4"
HELM = "v3.19.4"
KIND = "v0.33.0"
NODE = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubeadm",
    "kubectl",
    "etcd",
    "coredns",
    "pause",
)
_MODULE = places.HERE / "go"
_PACKAGES = {
    **{name: f"k8s.io/kubernetes/cmd/{name}" for name in NODE[:7]},
    **{name: f"./{name}" for name in NODE[7:]},
    "helm": "helm.sh/helm/v3/cmd/helm",
    "kind": "sigs.k8s.io/kind",
}
# Without these the API server calls itself v0.0.0-master and clients refuse features.
_VERSIONS = {
    "k8s.io/component-base/version.gitVersion": KUBERNETES,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "34",
    "k8s.io/component-base/version.gitTreeState": "clean",
    "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    "helm.sh/helm/v3/internal/version.version": HELM,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": "34",
}


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Absolute paths of the three commands."""

    kubectl: Path
    helm: Path
    kind: Path


def tools() -> Tools:
    """The three commands, each from PATH if it fits, else built (about a minute when cold).

    Raises:
        GroundError: something must be built and there is no usable Go.
    """
    found = {name: _on_path(name) for name in ("kubectl", "helm", "kind")}
    lacking = [name for name, path in found.items() if path is None]
    built = build(lacking) if lacking else Path()
    return Tools(**{name: path or built / name for name, path in found.items()})


def build(names: Iterable[str]) -> Path:
    """Make sure that the named programs are in the cache; returns their folder."""
    folder = places.cache() / f"bin-{KUBERNETES}-{_key()}"
    wanted = [name for name in names if not (folder / name).exists()]
    if not wanted:
        return folder
    _check_go()
    with places.locked("programs"):
        folder.mkdir(exist_ok=True)
        wanted = [name for name in wanted if not (folder / name).exists()]
        if wanted:
            with (
                step(f"compile {', '.join(wanted)}"),
                places.unfinished(folder / "build") as scratch,
            ):
                _compile(wanted, scratch=scratch, folder=folder)
    return folder


def _compile(names: list[str], *, scratch: Path, folder: Path) -> None:
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in _VERSIONS.items())])
    # Static, since most of them run in images that hold nothing else.
    env = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    packages = [_PACKAGES[name] for name in names]
    try:
        commands.logged(
            "compile",
            ["go", "build", "-trimpath", f"-ldflags={flags}", "-o", f"{scratch}/", *packages],
            log="compile-" + names[-1],
            env=env,
            cwd=_MODULE,
            timeout=3600,
        )
    finally:
        # Whatever was linked before a failure or an interruption is whole: go renames at the end.
        for name in names:
            if (scratch / name).exists():
                (scratch / name).rename(folder / name)


def _key() -> str:
    flags = "".join(f"{name}={value}" for name, value in _VERSIONS.items())
    return places.digest(_MODULE, flags, os.uname().machine)


def _check_go() -> None:
    advice = "install Go 1.24 or newer and have `go` on PATH"
    if not shutil.which("go"):
        raise GroundError(f"Go is needed to build kubectl, helm and kind: {advice}", step="find go")
    told = commands.output(["go", "env", "GOVERSION"]).strip()
    # From 1.21 on, go fetches the toolchain that a go.mod asks for by itself.
    if _version(told) < (1, 21):
        raise GroundError(f"{told} is too old: {advice}", step="find go")


def _on_path(name: str) -> Path | None:
    """The command on PATH, if its version fits."""
    path = shutil.which(name)
    if path is None:
        return None
    asked: dict[str, list[str]] = {
        "kubectl": ["version", "--client", "--output=yaml"],
        "helm": ["version", "--template={{.Version}}"],
        "kind": ["version"],
    }
    try:
        told = commands.output([path, *asked[name]], timeout=20)
    except GroundError:
        return None
    if name == "kubectl":
        found = re.search(r"gitVersion: (\S+)", told)
        told = found[1] if found else ""
    version = _version(told)
    # kubectl is supported one minor version away; kind's node image format moves with kind.
    low, high = {
        "kubectl": ((1, 33), (1, 35)),
        "helm": ((3, 14), (3, 99)),
        "kind": ((0, 30), (0, 33)),
    }[name]
    if low <= version <= high:
        say(f"{name}: {path} ({told.strip().splitlines()[0]})")
        return Path(path)
    return None


def _version(text: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
