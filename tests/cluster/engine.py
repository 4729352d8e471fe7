"""Docker: the running engine where it can start privileged containers, else one of our own.

The own engine has its own socket, data folder, pid file, cgroup, bridge and subnet, and touches no
iptables rule of the machine, so that it disturbs no other engine and leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, machine, packages, places, programs, pulling, records
from cluster.errors import GroundError
from cluster.progress import say, step

PUBLISHED_NODE = os.environ.get("RELAY_NODE_IMAGE", "kindest/node:v1.34.3")
_PROBE = "localhost/relay-probe:1"
# How long an engine of ours that runs may take to answer, in seconds.
_PATIENCE = 180.0
_NODE_LABEL = "io.x-k8s.kind.cluster"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Docker engine: ``host`` is its DOCKER_HOST, empty for docker's own default."""

    host: str
    own: bool

    @property
    def network(self) -> str:
        return f"relay-{places.ground_id()}"

    @property
    def env(self) -> dict[str, str]:
        """What docker and kind need in their environment to use it."""
        env = {"KIND_EXPERIMENTAL_DOCKER_NETWORK": self.network}
        if self.host:
            env["DOCKER_HOST"] = self.host
        return env

    def docker(self, *arguments: str | Path, timeout: float = 120) -> str:
        return commands.output(["docker", *arguments], env=self.env, timeout=timeout)

    def node_names(self, cluster: str = "") -> list[str]:
        """The containers of a kind cluster, or of every cluster of ours, running or not."""
        label = f"label={_NODE_LABEL}={cluster}" if cluster else f"label={_NODE_LABEL}"
        listed = self.docker(
            *("ps", "-a", "--format={{.Names}}", "--filter", label),
            *("--filter", f"network={self.network}"),
        )
        return sorted(listed.split())


def ensure() -> Engine:
    """The engine to use, running; says which and why.

    Raises:
        GroundError: there is none and we may not start one; the message says what to install.
    """
    with places.locked("engine", folder=places.state()):
        machine.prepare()
        engine = current()
        if engine is not None:
            say(
                "docker: "
                + ("our own engine, still running" if engine.own else "the running engine")
            )
        else:
            why = usable_running_engine()
            engine = Engine(host=os.environ.get("DOCKER_HOST", ""), own=False)
            if why:
                engine = _start_own(why)
            else:
                say("docker: using the running engine")
            _record().write_text(json.dumps({"host": engine.host, "own": engine.own}))
        _ensure_network(engine)
    return engine


def current() -> Engine | None:
    """The engine that an earlier run chose, if it still answers."""
    if not _record().exists():
        return None
    engine = Engine(**json.loads(_record().read_text()))
    if _answers(engine.env):
        return engine
    # A machine under load may take its time; an engine that lives is not given up at once.
    deadline = time.monotonic() + _PATIENCE
    while engine.own and _own_pid() and time.monotonic() < deadline:
        if _answers(engine.env):
            return engine
    return None


def usable_running_engine() -> str:
    """Why the running engine does not serve; empty if it does."""
    if not shutil.which("docker"):
        return "docker is not installed"
    if not _answers({}):
        return "no Docker engine answers"
    image = PUBLISHED_NODE
    arguments = ["--entrypoint", "/bin/true", image]
    if not pulling.pull(image, env={}):
        image = _PROBE
        arguments = [image, "probe"]
        if not pulling.present(image, env={}):
            _import_probe()
    command = ["docker", "run", "--rm", "--privileged", "--cgroupns=private", *arguments]
    try:
        commands.output(command, timeout=60)
    except GroundError as refused:
        last = refused.why.splitlines()[-1]
        return f"the running engine cannot start privileged containers ({last})"
    return ""


def release() -> None:
    """Give up what no cluster uses any more: our network, and the engine if we started it."""
    with (
        places.try_locked("users", folder=places.state()) as nobody_else,
        places.locked("engine", folder=places.state()),
    ):
        if not nobody_else:
            say("another run is using the engine: it stays")
            return
        engine = current()
        if engine is not None and engine.node_names():
            return
        if engine is None and records.names():
            say(f"docker does not answer: it stays for {', '.join(records.names())}")
            return
        if engine is not None and commands.works(
            ["docker", "network", "inspect", engine.network], env=engine.env
        ):
            engine.docker("network", "rm", engine.network)
        if engine is None or engine.own:
            _stop_own()
        machine.forbid_forwarding(_bridge())
        machine.restore()
        _record().unlink(missing_ok=True)


def _start_own(why: str) -> Engine:
    if os.geteuid() != 0 or not packages.is_debian():
        raise GroundError(
            f"{why}. Start Docker so that `docker run --privileged` works for you, or run this as "
            "root on Debian or Ubuntu, where it starts an engine of its own.",
            step="find Docker",
        )
    say(f"docker: {why}; starting an engine of our own")
    packages.ensure(packages.ENGINE, why="an own Docker engine")
    home = _home()
    home.mkdir(exist_ok=True)
    # What an earlier one left that was killed, or hangs: two on one data folder would harm it.
    _stop_own()
    engine = Engine(host=f"unix://{home}/docker.sock", own=True)
    command = [
        *("dockerd", "--data-root", home / "data", "--exec-root", home / "exec"),
        *("--pidfile", home / "dockerd.pid", "--host", engine.host, "--storage-driver", "overlay2"),
        *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
        *("--cgroup-parent", f"/{engine.network}", "--exec-opt", "native.cgroupdriver=cgroupfs"),
        *("--userland-proxy-path", str(shutil.which("docker-proxy"))),
    ]
    if machine.lacks_sys_resource():
        say("docker: CAP_SYS_RESOURCE is missing here: containers run without it")
        wrapper = home / "runc-wrap"
        shutil.copy2(places.HERE / "node" / "runc-wrap", wrapper)
        command += ["--add-runtime", f"relay={wrapper}", "--default-runtime", "relay"]
    log = places.logs() / "dockerd.log"
    with step("start the Docker engine"), log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
        deadline = time.monotonic() + 60
        while not _answers(engine.env):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                last = log.read_text(errors="replace").strip().splitlines()[-8:]
                raise GroundError("\n".join(last), step="start the Docker engine", log=log)
            time.sleep(0.2)
    return engine


def _stop_own() -> None:
    """End the engine that we started, and what it leaves: mounts, cgroups, its bridge."""
    home = _home()
    cgroup = f"relay-{places.ground_id()}"
    if pid := _own_pid():
        with step("stop the Docker engine"):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 60
            while _own_pid() and time.monotonic() < deadline:
                time.sleep(0.1)
            if _own_pid():
                os.kill(pid, signal.SIGKILL)
    (home / "dockerd.pid").unlink(missing_ok=True)
    machine.end_processes(home, cgroup)
    machine.unmount_below(home)
    machine.remove_cgroups(cgroup)
    if Path("/sys/class/net", _bridge()).exists():
        commands.output(["ip", "link", "delete", _bridge()])


def _own_pid() -> int:
    """The process of our own engine; 0 if it is not running."""
    pid_file = _home() / "dockerd.pid"
    if not pid_file.exists():
        return 0
    pid = int(pid_file.read_text())
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0
    return pid if str(_home()).encode() in command else 0


def _ensure_network(engine: Engine) -> None:
    """A bridge of our own, where kind puts the nodes of every cluster."""
    inspected = ["docker", "network", "inspect", "--format={{(index .IPAM.Config 0).Subnet}}"]
    if not commands.works([*inspected, engine.network], env=engine.env):
        wanted = ["--driver", "bridge"]
        if engine.own:
            start = int(places.ground_id(), 16) % 200
            choices = [f"10.{55 + i // 256}.{i % 256}.0/24" for i in range(start, start + 400)]
            wanted += ["--subnet", machine.free_subnet(choices)]
            wanted += ["--opt", f"com.docker.network.bridge.name={_bridge()}"]
        engine.docker("network", "create", *wanted, engine.network)
    if engine.own:
        subnet = commands.output([*inspected, engine.network], env=engine.env).strip()
        machine.allow_forwarding(_bridge(), subnet)


def _import_probe() -> None:
    """An image with one static binary that ends at once, to try the engine and not a registry."""
    binary = programs.build(["pause"]) / "pause"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "probe.tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(binary, arcname="pause")
        change = 'ENTRYPOINT ["/pause"]'
        commands.output(["docker", "import", "--change", change, archive, _PROBE])


def _answers(env: dict[str, str]) -> bool:
    return commands.works(["docker", "version", "--format={{.Server.Version}}"], env=env)


def _bridge() -> str:
    return f"rly{places.ground_id()}"


def _home() -> Path:
    home = places.state() / "engine"
    if len(str(home)) > 70:
        raise GroundError(
            f"{home} is too long for a socket's name: set RELAY_STATE to a shorter one"
        )
    return home


def _record() -> Path:
    return places.state() / "engine.json"
