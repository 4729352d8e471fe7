"""Kubernetes clusters by kind: brought up, loaded with images, broken on purpose, removed."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, engine, machine, node_image, places, programs, pulling
from cluster.engine import Engine
from cluster.errors import GroundError
from cluster.programs import Tools
from cluster.progress import say, step

CURRENT = "current"
_PAGE_PORT = 30080


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
        return f"http://{self.nodes()[0].address}:{_PAGE_PORT}"

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


def up(name: str, *, workers: int = 2, http_port: int = 0) -> Cluster:
    """The named cluster, running: what is up and answers is taken as it is.

    ``http_port`` is the first host port to try for NodePort 30080 (0: any free one). With
    ``CLUSTER=current`` in the environment, the current kube context is used instead.

    Raises:
        GroundError: it could not be brought up; names the step, the reason and the log.
    """
    if os.environ.get("CLUSTER") == CURRENT:
        return _current_context()
    with (
        places.locked("users", folder=places.state(), shared=True),
        places.locked(f"cluster-{name}", folder=places.state()),
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        try:
            # The compiler starts while packages are fetched and the engine comes up.
            tools_later = pool.submit(programs.tools)
            docker = engine.ensure()
            image = _node_image(docker)
            tools = tools_later.result()
            return _running(name, docker, tools) or _create(
                name, docker, tools, image=image, workers=workers, http_port=http_port
            )
        except BaseException:
            commands.stop_all()
            raise


def get(name: str) -> Cluster | None:
    """The named cluster, if it is up; starts and builds nothing."""
    docker = engine.current()
    if docker is None or not _record(name).exists():
        return None
    return _running(name, docker, programs.tools())


def names() -> list[str]:
    """Every cluster that an earlier run of this state folder has made."""
    return sorted(path.stem for path in _folder().glob("*.json"))


def down(name: str) -> None:
    """Remove the cluster with its routes; the engine too if it was ours and this was the last."""
    with places.locked(f"cluster-{name}", folder=places.state()):
        docker = engine.current()
        containers = docker.node_names(name) if docker else []
        if docker and containers:
            with step(f"remove cluster {name}"):
                _remove_routes(name)
                docker.docker("rm", "--force", "--volumes", *containers, timeout=300)
        else:
            say(f"cluster {name}: not running")
        for path in (_record(name), _kubeconfig(name), _folder() / f"{name}.routes"):
            path.unlink(missing_ok=True)
    engine.release()


def _current_context() -> Cluster:
    tools = programs.tools()
    context = commands.output([tools.kubectl, "config", "current-context"]).strip()
    config = commands.output([tools.kubectl, "config", "view", "--minify", "--flatten", "--raw"])
    path = _kubeconfig(CURRENT)
    path.touch(mode=0o600)
    path.write_text(config)
    say(f"cluster: the current context, {context}")
    docker = Engine(host=os.environ.get("DOCKER_HOST", ""), own=False)
    found = Cluster(name=CURRENT, kubeconfig=path, http_port=0, engine=docker, tools=tools)
    found.kubectl("get", "--raw", "/readyz")
    return found


def _node_image(docker: Engine) -> str:
    """The node image, in the engine: published where it can be pulled, else built here."""
    if pulling.present(node_image.TAG, env=docker.env):
        say(f"node image: {node_image.TAG}, made here earlier")
        return node_image.TAG
    if pulling.pull(engine.PUBLISHED_NODE, env=docker.env):
        say(f"node image: {engine.PUBLISHED_NODE}, as published")
        return engine.PUBLISHED_NODE
    say(f"node image: {engine.PUBLISHED_NODE} cannot be pulled; made from Go modules and Debian")
    archive = node_image.build()
    with places.locked("load-node-image", folder=places.state()):
        if not pulling.present(node_image.TAG, env=docker.env):
            with step("load the node image"):
                docker.docker("load", "--quiet", "--input", archive, timeout=600)
    return node_image.TAG


def _running(name: str, docker: Engine, tools: Tools) -> Cluster | None:
    if not _record(name).exists():
        return None
    record = json.loads(_record(name).read_text())
    found = Cluster(
        name=name,
        kubeconfig=_kubeconfig(name),
        http_port=record["http_port"],
        engine=docker,
        tools=tools,
    )
    try:
        found.kubectl("get", "--raw", "/readyz", timeout=20)
    except GroundError:
        return None
    say(f"cluster {name}: already up")
    return found


def _create(
    name: str, docker: Engine, tools: Tools, *, image: str, workers: int, http_port: int
) -> Cluster:
    # What a reboot, an engine's end or an interrupted run left cannot be mended: start anew.
    if leftovers := docker.node_names(name):
        docker.docker("rm", "--force", "--volumes", *leftovers, timeout=300)
    with places.locked("allocate", folder=places.state()):
        taken = [json.loads(_record(other).read_text())["pods"] for other in names()]
        pods = machine.free_subnet(_pod_subnets(name), taken)
        remembered = _remembered_port(name)
        port = _free_port(remembered or http_port)
        record = {"pods": pods, "http_port": port, "workers": workers}
        _record(name).write_text(json.dumps(record))
        _port_memory(name).write_text(str(port))
    first, second, *_ = pods.split(".")
    services = f"{first}.{int(second) + 1}.0.0/20"
    lines = [
        "kind: Cluster",
        "apiVersion: kind.x-k8s.io/v1alpha4",
        f"networking: {{podSubnet: {pods}, serviceSubnet: {services}}}",
        "nodes:",
        "- role: control-plane",
        "  extraPortMappings:",
        f"  - {{containerPort: {_PAGE_PORT}, hostPort: {port}, listenAddress: 127.0.0.1}}",
        *["- role: worker"] * workers,
    ]
    config = places.logs() / f"kind-{name}.yaml"
    config.write_text("\n".join(lines) + "\n")
    title = f"create cluster {name} (1 control plane, {workers} workers)"
    with step(title):
        try:
            commands.logged(
                title,
                [
                    *(tools.kind, "create", "cluster", "--name", name, "--image", image),
                    *("--config", config, "--kubeconfig", _kubeconfig(name), "--wait", "180s"),
                ],
                log=f"kind-{name}",
                env=docker.env,
                timeout=600,
            )
        except BaseException:
            _record(name).unlink()
            raise
        _kubeconfig(name).chmod(0o600)
        made = Cluster(
            name=name, kubeconfig=_kubeconfig(name), http_port=port, engine=docker, tools=tools
        )
        made.kubectl(
            "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s", timeout=200
        )
        made.kubectl(
            *("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=180s"),
            timeout=200,
        )
    return made


def _remove_routes(name: str) -> None:
    pods = json.loads(_record(name).read_text())["pods"] if _record(name).exists() else ""
    if pods and os.geteuid() == 0:
        for line in commands.output(["ip", "route", "show", "root", pods]).splitlines():
            commands.works(["ip", "route", "delete", *line.split()])


def _pod_subnets(name: str) -> list[str]:
    """Even second octets from 120 on, starting at one that differs by state folder and name."""
    start = int(places.digest(places.ground_id(), name), 16)
    return [f"10.{120 + (start + i) % 60 * 2}.0.0/16" for i in range(60)]


def _free_port(first: int) -> int:
    """A port of 127.0.0.1 that nobody listens on: ``first``, or the next, or any if it is 0."""
    for port in range(first, first + 100 if first else 1):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise GroundError(f"no free port from {first} on", step="choose a port")


def _remembered_port(name: str) -> int:
    memory = _port_memory(name)
    return int(memory.read_text()) if memory.exists() else 0


def _port_memory(name: str) -> Path:
    return _folder() / f"{name}.port"


def _folder() -> Path:
    folder = places.state() / "clusters"
    folder.mkdir(exist_ok=True)
    return folder


def _record(name: str) -> Path:
    return _folder() / f"{name}.json"


def _kubeconfig(name: str) -> Path:
    return _folder() / f"{name}.kubeconfig"
