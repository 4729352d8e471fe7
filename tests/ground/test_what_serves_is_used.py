"""Docker, the node image and the image base: each in the first way that serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import engine, images, lifecycle, node_image, programs, pulling, rootfs
from cluster.errors import GroundError
from ground.conftest import Stand

# A docker that can do everything, and writes down what it was asked.
ABLE = """
echo "$@" >> "$RELAY_STATE/asked"
case "$1 $2" in
  "image inspect") exit 1 ;;
esac
exit 0
"""


def docker_that(stand_in: Stand, case: str) -> None:
    stand_in("docker", ABLE.replace('case "$1 $2" in', f'case "$1 $2" in\n{case}'))


def asked(ground: Path) -> list[str]:
    return (ground / "state" / "asked").read_text().splitlines()


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch: pytest.MonkeyPatch, own_ground: Path) -> None:
    def refuse(*arguments: object) -> Path:
        raise AssertionError(f"built without need: {arguments}")

    for module, name in ((programs, "build"), (rootfs, "base"), (rootfs, "node")):
        monkeypatch.setattr(module, name, refuse)
    (own_ground / "state").mkdir()
    monkeypatch.setattr(pulling, "_FIRST_WORD", 1.0)


def test_a_running_docker_that_starts_privileged_containers_is_used_as_it_is(
    stand_in: Stand, own_ground: Path
) -> None:
    docker_that(stand_in, "")
    assert engine.usable_running_engine() == ""
    assert any(line.startswith("run --rm --privileged") for line in asked(own_ground))


def test_a_running_docker_without_a_registry_is_tried_with_an_image_made_here(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_that(stand_in, '  "pull "*) exit 1 ;;')
    folder = own_ground / "built"
    folder.mkdir()
    (folder / "pause").write_text("a static program")
    monkeypatch.setattr(programs, "build", lambda names: folder)
    assert engine.usable_running_engine() == ""
    assert any(line.startswith("import ") for line in asked(own_ground))
    assert asked(own_ground)[-1].endswith("localhost/relay-probe:1 probe")


def test_without_docker_the_reason_is_that_it_is_not_installed(bare_path: None) -> None:
    assert engine.usable_running_engine() == "docker is not installed"


def test_a_docker_client_without_an_engine_is_no_engine(stand_in: Stand) -> None:
    docker_that(stand_in, '  "version "*) echo "Cannot connect" >&2; exit 1 ;;')
    assert engine.usable_running_engine() == "no Docker engine answers"


def test_a_docker_that_may_not_start_privileged_containers_is_passed_over_with_its_own_words(
    stand_in: Stand,
) -> None:
    docker_that(stand_in, '  "run "*) echo "unable to apply caps" >&2; exit 1 ;;')
    assert "unable to apply caps" in engine.usable_running_engine()


def test_where_no_engine_may_be_started_the_message_says_what_to_do(
    bare_path: None, not_debian: None
) -> None:
    with pytest.raises(GroundError, match=r"docker is not installed\. Start Docker .* Debian"):
        engine._start_own("docker is not installed")


def test_a_node_image_that_can_be_pulled_is_pulled(stand_in: Stand, own_ground: Path) -> None:
    docker_that(stand_in, "")
    found = engine.Engine(host="", own=False)
    assert lifecycle._node_image(found) == engine.PUBLISHED_NODE
    assert f"pull {engine.PUBLISHED_NODE}" in asked(own_ground)


def test_a_node_image_that_cannot_be_pulled_is_built_and_loaded(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_that(stand_in, '  "pull "*) exit 1 ;;')
    archive = own_ground / "node.tar"
    monkeypatch.setattr(node_image, "build", lambda: archive)
    found = engine.Engine(host="", own=False)
    assert lifecycle._node_image(found) == node_image.TAG
    assert asked(own_ground)[-1] == f"load --quiet --input {archive}"


def test_a_node_image_that_the_engine_has_is_neither_pulled_nor_built(
    stand_in: Stand, own_ground: Path
) -> None:
    docker_that(stand_in, f'  "image inspect") test "$4" = {node_image.TAG}; exit ;;')
    found = engine.Engine(host="", own=False)
    assert lifecycle._node_image(found) == node_image.TAG
    assert not any(line.startswith(("pull", "load")) for line in asked(own_ground))


def test_a_registry_that_never_answers_is_given_up_soon(stand_in: Stand) -> None:
    docker_that(stand_in, '  "pull "*) exec sleep 60 ;;')
    assert not pulling.pull("example/image:1", env={})


def test_a_registry_that_has_begun_is_waited_for(stand_in: Stand) -> None:
    docker_that(stand_in, '  "pull "*) echo "1: Pulling from example"; sleep 2; exit 0 ;;')
    assert pulling.pull("example/image:1", env={})


def test_an_image_base_that_can_be_pulled_is_pulled(stand_in: Stand) -> None:
    docker_that(stand_in, "")
    assert images._base(engine.Engine(host="", own=False)) == "debian:bookworm-slim"


def test_an_image_base_that_cannot_be_pulled_is_made_and_named_by_its_content(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_that(stand_in, '  "pull "*) exit 1 ;;')
    monkeypatch.setattr(rootfs, "base", lambda: own_ground / "debian-abc.tar")
    base = images._base(engine.Engine(host="", own=False))
    assert base.startswith("localhost/relay-base:")
    assert asked(own_ground)[-1] == f"import {own_ground / 'debian-abc.tar'} {base}"


@pytest.mark.parametrize(
    ("name", "told", "fits"),
    [
        ("kubectl", "gitVersion: v1.34.1", True),
        ("kubectl", "gitVersion: v1.33.9", True),
        ("kubectl", "gitVersion: v1.20.2", False),
        ("kubectl", "gitVersion: v1.36.0", False),
        ("helm", "v3.19.4", True),
        ("helm", "v2.17.0", False),
        ("helm", "v4.0.1", False),
        ("kind", "kind v0.33.0 go1.26 linux/amd64", True),
        ("kind", "kind v0.20.0 go1.20 linux/amd64", False),
    ],
)
def test_a_program_on_the_path_is_used_if_its_version_fits(
    stand_in: Stand, name: str, told: str, fits: bool
) -> None:
    path = stand_in(name, f'echo "{told}"')
    assert programs._on_path(name) == (path if fits else None)


def test_a_program_that_does_not_even_run_is_not_used(stand_in: Stand) -> None:
    stand_in("helm", "exit 1")
    assert programs._on_path("helm") is None
