"""Clusters brought up, found again and removed."""

from __future__ import annotations

import concurrent.futures
import os

from cluster import (
    commands,
    engine,
    machine,
    node_image,
    owned,
    places,
    programs,
    pulling,
    records,
    release,
)
from cluster.clusters import CURRENT, PAGE_PORT, Cluster
from cluster.engine import Engine
from cluster.errors import GroundError
from cluster.images import Images
from cluster.images import build as build_images
from cluster.programs import Tools
from cluster.progress import say, step


def is_current() -> bool:
    """Whether the current kube context is used instead of a cluster of our own."""
    return os.environ.get("CLUSTER") == CURRENT


def up(name: str, *, workers: int = 2, http_port: int = 0) -> Cluster:
    """The named cluster, running: what is up and answers is taken as it is.

    ``http_port`` is the first host port to try for NodePort 30080 (0: any free one). With
    ``CLUSTER=current`` in the environment, the current kube context is used instead.

    Raises:
        GroundError: it could not be brought up; names the step, the reason and the log.
    """
    with (
        places.locked("users", folder=places.state(), shared=True),
        places.locked(f"cluster-{name}", folder=places.state()),
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        try:
            if is_current():
                return _current_context()
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


def up_with_images(name: str, *, workers: int = 2, http_port: int = 0) -> tuple[Cluster, Images]:
    """The cluster with Relay's images in it; they are built while the cluster comes up.

    Raises:
        GroundError: one of the two failed. Or somebody else's release is in the current context.
    """
    if is_current():
        # Before minutes go into images.
        owned.refuse_foreign(_current_context())
    with (
        places.locked("users", folder=places.state(), shared=True),
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        try:
            tools_later = pool.submit(programs.tools)
            images_later = pool.submit(build_images, engine.ensure())
            cluster = up(name, workers=workers, http_port=http_port)
            images = images_later.result()
            tools_later.result()
        except BaseException:
            commands.stop_all()
            raise
        cluster.load(images.names)
    return cluster, images


def get(name: str) -> Cluster | None:
    """The named cluster, if it is up; starts and builds nothing."""
    if is_current():
        return _current_context()
    docker = engine.current()
    if docker is None or not records.exists(name):
        return None
    return _running(name, docker, programs.tools())


def down(name: str) -> None:
    """Remove the cluster with its routes; the engine too if it was ours and this was the last.

    With ``CLUSTER=current``, remove the release that this ground installed, and nothing else.
    """
    if is_current():
        # Without a record there is nothing to ask the cluster, which may be gone.
        if owned.any_recorded():
            release.take_away(_current_context())
        else:
            say("this ground installed no release with CLUSTER=current: nothing to take away")
        return
    with places.locked(f"cluster-{name}", folder=places.state()):
        docker = engine.current()
        containers = docker.node_names(name) if docker else []
        if docker and containers:
            with step(f"remove cluster {name}"):
                docker.docker("rm", "--force", "--volumes", *containers, timeout=300)
        else:
            say(f"cluster {name}: not running")
        if records.exists(name) and os.geteuid() == 0:
            machine.remove_routes(records.read(name).pods)
        records.forget(name)
    engine.release()


def down_all() -> None:
    """Remove every cluster of this state folder that no running ``make test`` is using."""
    for name in [CURRENT] if is_current() else records.names() or ["relay"]:
        with places.try_locked(f"session-{name}", folder=places.state()) as unused:
            if unused:
                down(name)
            else:
                say(f"cluster {name}: a running `make test` uses it and will remove it")


def _current_context() -> Cluster:
    tools = programs.tools()
    context = commands.output([tools.kubectl, "config", "current-context"]).strip()
    config = commands.output([tools.kubectl, "config", "view", "--minify", "--flatten", "--raw"])
    path = records.secret(CURRENT, "kubeconfig")
    path.write_text(config)
    say(f"cluster: the current context, {context}")
    docker = engine.current() or Engine(host=os.environ.get("DOCKER_HOST", ""), own=False)
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
                docker.docker("load", "--quiet", "--input", archive, timeout=900)
    return node_image.TAG


def _running(name: str, docker: Engine, tools: Tools) -> Cluster | None:
    if not records.exists(name):
        return None
    found = _cluster(records.read(name), docker, tools)
    try:
        found.kubectl("get", "--raw", "/readyz", timeout=20)
    except GroundError:
        return None
    say(f"cluster {name}: already up")
    return found


def _cluster(record: records.Record, docker: Engine, tools: Tools) -> Cluster:
    return Cluster(
        name=record.name,
        kubeconfig=records.kubeconfig(record.name),
        http_port=record.http_port,
        engine=docker,
        tools=tools,
    )


def _create(
    name: str, docker: Engine, tools: Tools, *, image: str, workers: int, http_port: int
) -> Cluster:
    # What a reboot, an engine's end or an interrupted run left cannot be mended: start anew.
    if leftovers := docker.node_names(name):
        docker.docker("rm", "--force", "--volumes", *leftovers, timeout=300)
    records.forget(name)
    record = records.allocate(name, http_port=http_port)
    port = f"containerPort: {PAGE_PORT}, hostPort: {record.http_port}, listenAddress: 127.0.0.1"
    lines = [
        "kind: Cluster",
        "apiVersion: kind.x-k8s.io/v1alpha4",
        f"networking: {{podSubnet: {record.pods}, serviceSubnet: {record.services}}}",
        "nodes:",
        "- role: control-plane",
        f"  extraPortMappings: [{{{port}}}]",
        *["- role: worker"] * workers,
    ]
    config = places.logs() / f"kind-{name}.yaml"
    config.write_text("\n".join(lines) + "\n")
    title = f"create cluster {name} (1 control plane, {workers} workers)"
    made = _cluster(record, docker, tools)
    try:
        with step(title):
            commands.logged(
                title,
                [
                    *(str(tools.kind), "create", "cluster", "--name", name, "--image", image),
                    *("--config", str(config), "--kubeconfig", str(made.kubeconfig)),
                    *("--wait", "300s"),
                ],
                log=f"kind-{name}",
                env=docker.env,
                timeout=900,
            )
            made.kubeconfig.chmod(0o600)
            made.wait_until_ready()
    except BaseException:
        # Without its record, the next run removes the containers and starts anew.
        records.forget(name)
        raise
    return made
