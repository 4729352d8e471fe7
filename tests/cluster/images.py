"""Relay's four images: built only when what goes in has changed, tagged by exactly that."""

from __future__ import annotations

import concurrent.futures
import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cluster import commands, places, pulling, rootfs
from cluster.engine import Engine
from cluster.errors import GroundError
from cluster.progress import say, step

DOCKERFILES = {
    "relay-operator": "operator/Dockerfile",
    "relay-media": "media_pod/Dockerfile",
    "relay-api": "api_shim/Dockerfile",
    "relay-turn": "charts/coturn/Dockerfile",
}
_PUBLISHED_BASE = os.environ.get("RELAY_BASE_IMAGE", f"debian:{rootfs.SUITE}-slim")
_IGNORED = ("__pycache__", ".pyc", ".egg-info", ".ruff_cache", ".mypy_cache")
# More at once than there are cores only makes pip and the byte compiler slower.
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Images:
    """What the chart is told: ``<registry>/<part>:<tag>`` for each of the four parts."""

    registry: str
    tag: str

    @property
    def names(self) -> list[str]:
        return [f"{self.registry}/{part}:{self.tag}" for part in DOCKERFILES]


def build(engine: Engine) -> Images:
    """Build what is missing in the engine; all four get one common tag.

    With ``RELAY_REGISTRY`` set they are named below it and pushed there, for ``CLUSTER=current``.

    Raises:
        GroundError: a build or a push failed.
    """
    base = _base(engine)
    own = {part: _content(places.REPOSITORY, file, base) for part, file in DOCKERFILES.items()}
    missing = [
        part
        for part, (key, _) in own.items()
        if not pulling.present(f"localhost/{part}:{key}", env=engine.env)
    ]
    if missing:
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            jobs = [pool.submit(_build, engine, part, base, *own[part]) for part in missing]
            for job in jobs:
                job.result()
    else:
        say("images: unchanged")
    registry = os.environ.get("RELAY_REGISTRY", "localhost")
    images = Images(registry=registry, tag=places.digest(*(key for key, _ in own.values())))
    for part, (key, _) in own.items():
        engine.docker("tag", f"localhost/{part}:{key}", f"{registry}/{part}:{images.tag}")
    if registry != "localhost":
        for name in images.names:
            with step(f"push {name}"):
                engine.docker("push", "--quiet", name, timeout=900)
    return images


def _build(engine: Engine, part: str, base: str, key: str, context: bytes) -> None:
    env = dict(engine.env)
    network = []
    if engine.own or not commands.works(["docker", "buildx", "version"]):
        env["DOCKER_BUILDKIT"] = "0"
        network = ["--network", "host"]
    with step(f"build {part}"):
        commands.logged(
            f"build {part}",
            [
                *("docker", "build", *network, "--file", DOCKERFILES[part]),
                *("--build-arg", f"BASE={base}", "--tag", f"localhost/{part}:{key}", "-"),
            ],
            log=f"build-{part}",
            env=env,
            stdin=context,
        )


def _base(engine: Engine) -> str:
    """What the images build on: published where it can be pulled, else made by debootstrap."""
    local_tag = "localhost/relay-base"
    known = engine.docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", local_tag).split()
    if not known and pulling.pull(_PUBLISHED_BASE, env=engine.env):
        say(f"image base: {_PUBLISHED_BASE}, as published")
        return _PUBLISHED_BASE
    say(f"image base: {_PUBLISHED_BASE} cannot be pulled; made from Debian packages")
    archive = rootfs.base()
    tag = f"{local_tag}:{places.digest(archive.name)}"
    if tag not in known:
        with step("import the image base"):
            engine.docker("import", archive, tag, timeout=300)
    return tag


def _content(root: Path, dockerfile: str, base: str) -> tuple[str, bytes]:
    """The key and the build context: the Dockerfile and exactly what it copies.

    Written as a tar with fixed owners and times, so that an unchanged tree gives unchanged bytes.
    """
    text = (root / dockerfile).read_text()
    sources = {dockerfile}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not any(w.startswith("--from") for w in words):
            sources.update(word for word in words[1:-1] if not word.startswith("--"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(_files(root, sources)):
            information = tarfile.TarInfo(str(path.relative_to(root)))
            information.size = path.stat().st_size
            information.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as content:
                tar.addfile(information, content)
    return places.digest(buffer.getvalue(), base), buffer.getvalue()


def _files(root: Path, sources: set[str]) -> set[Path]:
    found: set[Path] = set()
    for source in sources:
        path = root / source
        if not path.exists():
            raise GroundError(f"a Dockerfile copies {source}, which is not there", step="images")
        candidates = path.rglob("*") if path.is_dir() else [path]
        found.update(
            file
            for file in candidates
            if file.is_file() and not any(part.endswith(_IGNORED) for part in file.parts)
        )
    return found
