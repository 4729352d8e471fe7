"""``CLUSTER=current``: only a release that this ground installed is upgraded or taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import cli, engine, layers, lifecycle, packages, release
from cluster.engine import Engine
from cluster.errors import GroundError
from cluster.images import Images
from ground.conftest import Stand

IMAGES = Images(registry="registry.example.com", tag="1")

KUBECTL = """
case "$*" in
  version*) echo "gitVersion: v1.34.1" ;;
  *current-context*) echo production ;;
  *"get namespace kube-system"*) cat "$GROUND/uid" ;;
  *"get nodes"*) cat "$GROUND/nodes" ;;
  *"delete halls"*) echo "kubectl $*" >> "$GROUND/asked" ;;
esac
"""
# The release is a file that holds when it was first deployed.
HELM = """
case "$*" in
  version*) echo v3.19.4; exit ;;
  *" status "*)
    if [ -n "$UNREACHABLE" ]; then echo "Error: cluster unreachable" >&2; exit 1; fi
    if [ ! -e "$GROUND/release" ]; then echo "Error: release: not found" >&2; exit 1; fi
    echo "{\\"info\\": {\\"first_deployed\\": \\"$(cat "$GROUND/release")\\",
      \\"status\\": \\"${STATUS:-deployed}\\"}}" ;;
  *upgrade*)
    echo "helm upgrade" >> "$GROUND/asked"
    [ -e "$GROUND/release" ] || date +%s.%N > "$GROUND/release"
    if [ -n "$NOT_READY" ]; then echo "Error: timed out"; exit 1; fi ;;
  *uninstall*) echo "helm uninstall" >> "$GROUND/asked"; rm "$GROUND/release" ;;
esac
"""


@pytest.fixture(autouse=True)
def context(stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current kube context with a node and no release; what was asked of it is written down."""
    stand_in("kubectl", KUBECTL)
    stand_in("helm", HELM)
    stand_in("kind", 'echo "kind v0.33.0"')
    monkeypatch.setenv("CLUSTER", "current")
    monkeypatch.setenv("GROUND", str(own_ground))
    monkeypatch.setattr(engine, "current", lambda: Engine(host="", own=False))
    (own_ground / "uid").write_text("first-cluster")
    address = {"type": "InternalIP", "address": "192.0.2.1"}
    node = {"metadata": {"name": "n", "labels": {}}, "spec": {}, "status": {"addresses": [address]}}
    (own_ground / "nodes").write_text(json.dumps({"items": [node]}))
    return own_ground


def asked(context: Path) -> list[str]:
    log = context / "asked"
    return [line.partition(" --kubeconfig")[0] for line in log.read_text().splitlines()] if (
        log.exists()
    ) else []  # fmt: skip


def command(*arguments: str) -> None:
    """As the command line runs it, which ends everything that this process started as well."""
    options = cli._parser().parse_args(arguments)
    options.run(options)


def install() -> None:
    found = lifecycle.get("relay")
    assert found is not None
    release.install(found, IMAGES)


def test_down_takes_away_the_release_that_this_ground_installed(context: Path) -> None:
    install()
    install()
    command("down")
    *installed, halls, uninstalled = asked(context)
    assert installed == ["helm upgrade"] * 2
    assert halls.startswith("kubectl")
    assert uninstalled == "helm uninstall"
    command("down")
    assert asked(context)[-1:] == ["helm uninstall"]


def test_down_takes_away_what_an_install_that_broke_off_left(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOT_READY", "1")
    with pytest.raises(GroundError, match="timed out"):
        install()
    lifecycle.down_all()
    assert not (context / "release").exists()


def test_down_does_not_take_away_somebody_elses_release(context: Path) -> None:
    (context / "release").write_text("long ago")
    lifecycle.down_all()
    assert not asked(context)
    # Ours was taken away by hand, and another one was put in its place.
    (context / "release").unlink()
    install()
    (context / "release").write_text("later")
    lifecycle.down_all()
    assert asked(context) == ["helm upgrade"]


def test_down_does_not_take_away_the_release_of_another_cluster_than_the_one_installed_into(
    context: Path,
) -> None:
    install()
    (context / "uid").write_text("second-cluster")
    lifecycle.down_all()
    assert asked(context) == ["helm upgrade"]
    (context / "uid").write_text("first-cluster")
    lifecycle.down_all()
    assert asked(context)[-1] == "helm uninstall"


def test_down_leaves_our_own_clusters_alone_when_the_current_context_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object) -> list[str]:
        raise AssertionError(f"asked for the containers of {arguments}")

    monkeypatch.setattr(Engine, "node_names", refuse)
    lifecycle.down("relay-test")
    lifecycle.down_all()


@pytest.mark.parametrize("asking", ["install", "demo", "test", "uninstall"])
def test_somebody_elses_release_is_not_given_test_values(
    context: Path, monkeypatch: pytest.MonkeyPatch, asking: str
) -> None:
    def refuse(*arguments: object, **named: object) -> Images:
        raise AssertionError(f"went on to {arguments}")

    monkeypatch.setattr(lifecycle, "build_images", refuse)
    monkeypatch.setattr(layers, "_run_layers", refuse)
    monkeypatch.setattr(packages, "ensure", lambda *names, why: None)
    (context / "release").write_text("long ago")
    with pytest.raises(GroundError, match="release relay in namespace relay-system") as failure:
        command(asking, "relay")
    assert "helm uninstall relay -n relay-system" in str(failure.value)
    assert not asked(context)


def test_a_cluster_that_does_not_answer_is_not_taken_for_one_without_a_release(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREACHABLE", "1")
    with pytest.raises(GroundError, match="cluster unreachable"):
        install()
    assert not asked(context)


def test_a_release_that_is_only_remembered_is_in_nobodys_way(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "release").write_text("long ago")
    monkeypatch.setenv("STATUS", "uninstalled")
    install()
    assert asked(context) == ["helm upgrade"]
