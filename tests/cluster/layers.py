"""``make test``: every layer in turn, on a cluster that it brings and removes by itself."""

from __future__ import annotations

import concurrent.futures
import os
import re
import subprocess
import sys
from collections.abc import Mapping

from cluster import leftovers, lifecycle, owned, packages, places, records, release
from cluster.clusters import CURRENT
from cluster.progress import say, step

_WHILE_THE_CLUSTER_COMES_UP = ("check", "unit", "fuzz")
# The layer of the API server runs an operator of its own, so no other may be at work there yet.
_BEFORE_THE_RELEASE = ("api", "media", "browser", "ground")
_ON_THE_RELEASE = ("e2e",)
_COUNT = re.compile(r"(\d+) (passed|failed|error)s?\b")


def run(name: str, *, workers: int) -> int:
    """Run all layers; the number of failures. Nothing may be left of the cluster afterwards.

    Raises:
        GroundError: with ``CLUSTER=current``, somebody else's release is there.
    """
    name = CURRENT if lifecycle.is_current() else name
    packages.ensure(packages.BROWSER, why="the browser tests")
    with places.locked(f"session-{name}", folder=places.state()):
        lifecycle.down(name)
        if (borrowed := lifecycle.get(name)) is not None:
            owned.refuse_foreign(borrowed)
        others, before = records.made(), leftovers.take()
        counts = {"passed": 0, "failed": 0}
        try:
            _run_layers(name, workers, counts)
        finally:
            lifecycle.down(name)
        left = leftovers.added(before, leftovers.take())
        came = sorted(f"cluster {one.name}" for one in records.made() - others)
        # An engine and its links come before the record of the cluster that they are for.
        with places.try_locked("users", folder=places.state()) as alone:
            came += [] if alone else ["a cluster of another run"]
    _judge(left, came, counts)
    sys.stdout.write(f"\n{counts['passed']} passed, {counts['failed']} failed\n")
    return counts["failed"]


def _judge(left: Mapping[str, list[str]], came: list[str], counts: dict[str, int]) -> None:
    """Count whether something was left, unless a cluster that came meanwhile explains it too."""
    for kind, lines in left.items():
        say(f"left behind, {kind}: {lines}")
    if left and came:
        say(
            f"{', '.join(came)} came up meanwhile: what is left cannot be told apart from what "
            "that brought, and counts as neither passed nor failed; run again alone to know"
        )
        return
    counts["failed" if left else "passed"] += 1


def _run_layers(name: str, workers: int, counts: dict[str, int]) -> None:
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(lifecycle.up_with_images, name, workers=workers)
        for layer in _WHILE_THE_CLUSTER_COMES_UP:
            _run_layer(layer, {}, counts)
        cluster, images = coming.result()
    for layer in _BEFORE_THE_RELEASE:
        _run_layer(layer, cluster.env, counts)
    release.install(cluster, images)
    for layer in _ON_THE_RELEASE:
        _run_layer(layer, cluster.env, counts)


def _run_layer(name: str, environment: Mapping[str, str], counts: dict[str, int]) -> None:
    """One make target, its output passed on as it comes and its last summary counted."""
    last: dict[str, int] = {}
    with step(f"layer {name}"):
        process = subprocess.Popen(
            ["make", "--no-print-directory", name],
            cwd=places.REPOSITORY,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                if line.startswith("="):
                    last = {kind: int(count) for count, kind in _COUNT.findall(line)} or last
            status = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    counts["passed"] += last.get("passed", 0)
    failed = last.get("failed", 0) + last.get("error", 0)
    counts["failed"] += max(failed, 1 if status else 0)
    say(f"layer {name}: {'ok' if status == 0 else f'FAILED ({status})'}")
