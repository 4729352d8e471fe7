"""Docker image archives of one layer, written without any engine."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

from cluster import commands

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write(
    target: Path,
    *,
    tag: str,
    root: Path,
    entrypoint: Sequence[str],
    settings: dict[str, object] | None = None,
) -> None:
    """Write ``root`` as the image ``tag``; ``settings`` go into the image's config."""
    scratch = target.with_suffix(".parts")
    scratch.mkdir()
    layer = scratch / "layer.tar"
    commands.logged(
        f"pack {tag}",
        ["tar", "-C", root, "--numeric-owner", "--sort=name", "--mtime=@0", "-cf", layer, "."],
        log="pack-image",
    )
    with layer.open("rb") as handle:
        layer_id = hashlib.file_digest(handle, "sha256").hexdigest()
    machine = os.uname().machine
    config = {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "Env": [_PATH, "container=docker"]}
        | (settings or {}),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    (scratch / "config.json").write_text(json.dumps(config))
    (scratch / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(target, "w") as archive:
        for name in ("manifest.json", "config.json", "layer.tar"):
            archive.add(scratch / name, arcname=name)
            (scratch / name).unlink()
    scratch.rmdir()
