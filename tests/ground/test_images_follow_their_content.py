"""An image is built again exactly when something that goes in has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import images, places
from cluster.errors import GroundError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "part" / "code").mkdir(parents=True)
    (root / "part" / "Dockerfile").write_text(
        "ARG BASE\nFROM $BASE AS build\nCOPY part/code \\\n  /code\nCOPY --from=build /x /x\n"
    )
    (root / "part" / "code" / "main.py").write_text("print(1)\n")
    (root / "other.py").write_text("unrelated\n")
    return root


def key(root: Path, base: str = "debian") -> str:
    return images._content(root, "part/Dockerfile", base)[0]


def test_the_same_tree_gives_the_same_key(tree: Path) -> None:
    assert key(tree) == key(tree)


def test_a_changed_source_changes_the_key(tree: Path) -> None:
    before = key(tree)
    (tree / "part" / "code" / "main.py").write_text("print(2)\n")
    assert key(tree) != before


def test_a_changed_dockerfile_or_base_changes_the_key(tree: Path) -> None:
    before = key(tree)
    assert key(tree, "another") != before
    with (tree / "part" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("USER 65532\n")
    assert key(tree) != before


def test_what_is_not_copied_and_what_python_leaves_behind_do_not_count(tree: Path) -> None:
    before = key(tree)
    (tree / "other.py").write_text("changed\n")
    (tree / "part" / "code" / "__pycache__").mkdir()
    (tree / "part" / "code" / "__pycache__" / "main.pyc").write_bytes(b"x")
    assert key(tree) == before


def test_a_source_that_is_missing_is_named(tree: Path) -> None:
    (tree / "part" / "Dockerfile").write_text("FROM x\nCOPY part/gone /gone\n")
    with pytest.raises(GroundError, match="copies part/gone"):
        key(tree)


@pytest.mark.parametrize("dockerfile", images.DOCKERFILES.values())
def test_every_dockerfile_of_ours_copies_what_is_there(dockerfile: str) -> None:
    _, context = images._content(places.REPOSITORY, dockerfile, "debian")
    assert dockerfile.encode() in context
