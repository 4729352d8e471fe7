"""``make test`` counts what its cluster left, and not what another one brought meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from cluster import layers, leftovers, lifecycle, packages, places, records

Meanwhile = Callable[[], None]


def _snapshot(**what: set[str]) -> dict[str, set[str]]:
    kinds = ("links", "chains", "tables", "grounds", "processes")
    return {kind: what.get(kind, set()) for kind in kinds}


def test_a_pod_that_starts_in_a_cluster_that_was_up_before_is_nothing_left_behind() -> None:
    """It made `make down` of one cluster fail its test beside another one."""
    before = _snapshot(grounds={"relay-aaaaaa"})
    theirs = "relay-aaaaaa 7 /usr/bin/containerd-shim-runc-v2 -namespace k8s.io"
    ours = "relay-bbbbbb 8 /usr/bin/containerd-shim-runc-v2 -namespace k8s.io"
    machines = "- 9 dockerd"
    after = _snapshot(grounds={"relay-aaaaaa"}, processes={theirs, ours, machines})
    assert leftovers.added(before, after) == {"processes": [machines, ours]}


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meanwhile], int]:
    """``make test`` with layers that all pass, while something leaves a link on the machine."""
    links = {"lo"}
    monkeypatch.setattr(packages, "ensure", lambda *names, why: None)
    monkeypatch.setattr(lifecycle, "down", records.forget)
    monkeypatch.setattr(lifecycle, "get", lambda name: None)
    monkeypatch.setattr(leftovers, "take", lambda: _snapshot(links=set(links)))

    def run(meanwhile: Meanwhile) -> int:
        def run_layers(name: str, workers: int, counts: dict[str, int]) -> None:
            records.allocate(name, http_port=0)
            meanwhile()
            links.add("br-left")

        monkeypatch.setattr(layers, "_run_layers", run_layers)
        return layers.run("relay-test", workers=0)

    return run


def test_what_a_run_leaves_is_a_failure(
    failures: Callable[[Meanwhile], int], capsys: pytest.CaptureFixture[str]
) -> None:
    records.allocate("relay", http_port=0)
    assert failures(lambda: None) == 1
    assert "left behind, links: ['br-left']" in capsys.readouterr().err


def test_a_cluster_brought_up_during_a_run_does_not_make_it_fail(
    failures: Callable[[Meanwhile], int], capsys: pytest.CaptureFixture[str]
) -> None:
    def up() -> None:
        records.allocate("relay", http_port=0)

    assert failures(up) == 0
    told = capsys.readouterr()
    assert "left behind, links: ['br-left']" in told.err
    assert "cluster relay came up meanwhile: what is left cannot be told apart" in told.err
    assert "0 passed, 0 failed" in told.out


def test_a_cluster_made_anew_during_a_run_does_not_make_it_fail(
    failures: Callable[[Meanwhile], int],
) -> None:
    records.allocate("relay", http_port=0)
    path = places.state() / "clusters" / "relay.json"
    os.utime(path, ns=(1, 1))

    def again() -> None:
        records.forget("relay")
        records.allocate("relay", http_port=0)

    assert failures(again) == 0


def test_an_engine_that_is_only_coming_up_for_another_run_does_not_make_it_fail(
    failures: Callable[[Meanwhile], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with places.locked("users", folder=places.state(), shared=True):
        assert failures(lambda: None) == 0
    assert "a cluster of another run came up meanwhile" in capsys.readouterr().err
