"""A Kubernetes cluster that is up: loaded with images, reached, broken on purpose."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, places
from cluster.engine import Engine
from cluster.errors import GroundError
from cluster.programs import Tools
from cluster.progress import step

CURRENT = "current"
PAGE_PORT = 30080


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node: its container and Kubernetes name, its address, and its pods' subnet."""

    name: str
    address: str
    pod_subnet: str
    control_plane: bool


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that is up; ``http_port`` of 127.0.0.1 leads to NodePort 30080 (0: none)."""

    name: str
    kubeconfig: Path
    http_port: int
    engine: Engine
    tools: Tools

    @property
    def env(self) -> dict[str, str]:
        """What kubectl, helm, kind and docker need to work on this cluster."""
        return {
            **self.engine.env,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECTL": str(self.tools.kubectl),
            "HELM": str(self.tools.helm),
            "KIND": str(self.tools.kind),
            "RELAY_CLUSTER": self.name,
            "RELAY_URL": self.url,
        }

    @property
    def url(self) -> str:
        """Where the page and the REST API are reached from this machine."""
        if given := os.environ.get("RELAY_PUBLIC_URL"):
            return given
        if self.http_port:
            return f"http://127.0.0.1:{self.http_port}"
        return f"http://{self.nodes()[0].address}:{PAGE_PORT}"

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        command = [str(self.tools.kubectl), "--kubeconfig", str(self.kubeconfig), *arguments]
        return commands.output(command, stdin=stdin, timeout=timeout)

    def nodes(self) -> list[Node]:
        """Every node, control planes first."""
        found = []
        for item in json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]:
            addresses = item["status"]["addresses"]
            labels = item["metadata"]["labels"]
            found.append(
                Node(
                    name=item["metadata"]["name"],
                    address=next(a["address"] for a in addresses if a["type"] == "InternalIP"),
                    pod_subnet=item["spec"].get("podCIDR", ""),
                    control_plane="node-role.kubernetes.io/control-plane" in labels,
                )
            )
        return sorted(found, key=lambda node: (not node.control_plane, node.name))

    def load(self, images: Sequence[str]) -> None:
        """Bring images of the engine to the nodes that run workloads, unless they are there."""
        if self.name == CURRENT:
            if "RELAY_REGISTRY" not in os.environ:
                raise GroundError(
                    "CLUSTER=current pulls Relay's images by itself: set RELAY_REGISTRY to a "
                    "registry that it may pull from and docker here may push to",
                    step="load images",
                )
            return
        workers = [node.name for node in self.nodes() if not node.control_plane]
        workers = workers or [node.name for node in self.nodes()]
        lacking = {
            worker: [image for image in images if image not in self._images(worker)]
            for worker in workers
        }
        wanted = sorted({image for names in lacking.values() for image in names})
        if not wanted:
            return
        archive = places.state() / f"load-{self.name}.tar"
        title = f"load {len(wanted)} images into {len(workers)} nodes"
        with places.locked(f"load-{self.name}", folder=places.state()), step(title):
            try:
                self.engine.docker("save", "-o", archive, *wanted, timeout=600)
                nodes = ",".join(worker for worker in workers if lacking[worker])
                commands.logged(
                    title,
                    [
                        *(self.tools.kind, "load", "image-archive", archive),
                        *("--name", self.name, "--nodes", nodes),
                    ],
                    log=f"load-{self.name}",
                    env=self.engine.env,
                )
            finally:
                archive.unlink(missing_ok=True)

    def wait_until_ready(self) -> None:
        """Return when every node is Ready and the cluster's DNS answers."""
        wait = ("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=300s")
        self.kubectl(*wait, timeout=330)
        dns = ("rollout", "status", "deployment/coredns", "--timeout=300s")
        self.kubectl("-n", "kube-system", *dns, timeout=330)

    def _images(self, node: str) -> set[str]:
        listed = self.engine.docker("exec", node, "ctr", "-n", "k8s.io", "images", "list", "-q")
        return set(listed.split())

    def stop_node(self, name: str) -> None:
        """Lose a node at once, as if its power had gone."""
        self.engine.docker("kill", name)

    def start_node(self, name: str) -> None:
        """Bring a lost node back; returns when Kubernetes calls it Ready."""
        self.engine.docker("start", name)
        self.kubectl("wait", "--for=condition=Ready", f"node/{name}", "--timeout=120s", timeout=150)

    def routes(self, action: str) -> None:
        """``add`` or ``remove`` routes to the pods' addresses on this machine (root)."""
        for node in self.nodes():
            if node.pod_subnet:
                verb = {"add": "replace", "remove": "delete"}[action]
                command: list[str | Path] = [
                    "ip",
                    "route",
                    verb,
                    node.pod_subnet,
                    "via",
                    node.address,
                ]
                if action == "add":
                    commands.output(command)
                else:
                    commands.works(command)
