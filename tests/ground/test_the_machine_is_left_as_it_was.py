"""What a cluster changes outside its containers, and `make down`, which takes it all back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import leftovers, machine, places, records
from cluster.errors import GroundError
from ground.conftest import Stand

# As it is before a fixture moves it: what a real cluster needs takes minutes to build.
_CACHE = {key: value for key, value in os.environ.items() if key == "RELAY_CACHE"}


def test_a_subnet_that_the_machine_routes_is_not_chosen() -> None:
    routes = json.loads(subprocess.check_output(["ip", "-j", "-4", "route", "show"]))
    used = next(route["dst"] for route in routes if "/" in route["dst"])
    assert machine.free_subnet([used, "203.0.113.0/24"]) == "203.0.113.0/24"


def test_a_subnet_of_another_cluster_is_not_chosen() -> None:
    chosen = machine.free_subnet(["198.51.100.0/24", "203.0.113.0/24"], ["198.51.0.0/16"])
    assert chosen == "203.0.113.0/24"


def test_two_clusters_get_subnets_and_ports_of_their_own() -> None:
    first = records.allocate("one", http_port=0)
    second = records.allocate("two", http_port=0)
    assert first.pods != second.pods
    assert first.services != second.services
    assert records.names() == ["one", "two"]


def test_a_cluster_made_again_keeps_its_port_so_that_links_stay_good() -> None:
    first = records.allocate("one", http_port=0)
    records.forget("one")
    assert records.allocate("one", http_port=0).http_port == first.http_port


def test_secrets_are_readable_by_their_owner_alone() -> None:
    assert records.secret("one", "api-key").stat().st_mode & 0o777 == 0o600


def test_a_state_folder_too_deep_for_a_socket_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cluster import engine  # noqa: PLC0415

    monkeypatch.setenv("RELAY_STATE", str(tmp_path / ("x" * 90)))
    with pytest.raises(GroundError, match="set RELAY_STATE to a shorter one"):
        engine._home()


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["--root", "/r", "create", "--bundle", "@", "id"], "config.json"),
        (["run", "-b", "@", "id"], "config.json"),
        (["exec", "--process", "@/process.json", "id"], "process.json"),
        (["exec", "--process=@/process.json", "id"], "process.json"),
    ],
)
def test_the_runtime_wrapper_takes_out_the_capability_that_the_machine_lacks(
    stand_in: Stand, tmp_path: Path, arguments: list[str], file: str
) -> None:
    stand_in("runc", 'echo "$@" > "$RELAY_SEEN"')
    asked = {"caps": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_KILL"], "oomScoreAdj": -900}
    (tmp_path / file).write_text(json.dumps(asked))
    arguments = [argument.replace("@", str(tmp_path)) for argument in arguments]
    seen = tmp_path / "seen"
    subprocess.run(
        [places.HERE / "node" / "runc-wrap", *arguments],
        check=True,
        env={**os.environ, "RELAY_SEEN": str(seen)},
    )
    assert json.loads((tmp_path / file).read_text()) == {
        "caps": ["CAP_CHOWN", "CAP_KILL"],
        "oomScoreAdj": 0,
    }
    assert seen.read_text().split() == arguments


@pytest.fixture
def another_ground() -> Iterator[dict[str, str]]:
    """A state folder with a short path, beside the cache that the machine has."""
    folder = Path(tempfile.mkdtemp(prefix="relay-"))
    env = {
        key: value for key, value in os.environ.items() if key not in ("RELAY_CACHE", "DOCKER_HOST")
    }
    yield env | {"RELAY_STATE": str(folder), "PYTHONPATH": str(places.HERE.parent)}
    shutil.rmtree(folder)


@pytest.fixture
def ground(another_ground: dict[str, str]) -> Callable[..., None]:
    """The command, at work on that other state folder."""

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "cluster", *arguments]
        subprocess.run(command, check=True, env=another_ground, timeout=1200)

    return run


@pytest.mark.timeout(1500)
def test_down_leaves_nothing_of_a_real_cluster_and_its_engine(ground: Callable[..., None]) -> None:
    before = leftovers.take()
    try:
        ground("up", "passing", "--workers", "1")
        ground("routes", "passing", "add")
        ground("stop-node", "passing", "passing-worker")
        ground("start-node", "passing", "passing-worker")
        grown = leftovers.added(before, leftovers.take())
        assert {"links", "routes"} <= set(grown)
    finally:
        ground("down")
    assert leftovers.added(before, leftovers.take()) == {}
    ground("down")


@pytest.mark.timeout(1500)
def test_down_leaves_nothing_of_an_engine_that_was_killed(
    another_ground: dict[str, str], ground: Callable[..., None]
) -> None:
    before = leftovers.take()
    try:
        ground("up", "passing", "--workers", "0")
        # Where the machine's own Docker serves there is none of ours to kill.
        for pid_file in Path(another_ground["RELAY_STATE"]).glob("engine/dockerd.pid"):
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
    finally:
        ground("down")
    assert leftovers.added(before, leftovers.take()) == {}
