"""The cache: resumed after an interruption, right under two runs at once, never half a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cluster import commands, places, programs, rootfs
from cluster.errors import GroundError
from ground.conftest import Stand

# A go that "builds" each package into the folder after -o, and writes down what it built.
GO = """
case "$1" in env) echo go1.26.0; exit ;; esac
while [ "$1" != -o ]; do shift; done
out=$2; shift 2
for package in "$@"; do
  if [ "$package" = "$GO_BREAKS_AT" ]; then echo "disk full" >&2; exit 1; fi
  echo "$package" >> "$RELAY_CACHE/built"
  sleep "${GO_TAKES:-0}"
  echo program > "$out/${package##*/}"
done
"""


def built(ground: Path) -> list[str]:
    return (ground / "cache" / "built").read_text().split()


def test_what_is_in_the_cache_is_not_built_again(stand_in: Stand, own_ground: Path) -> None:
    stand_in("go", GO)
    programs.build(["helm", "kind"])
    programs.build(["kind", "helm"])
    assert len(built(own_ground)) == 2


def test_a_build_that_broke_off_goes_on_with_what_is_missing(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("go", GO)
    monkeypatch.setenv("GO_BREAKS_AT", "sigs.k8s.io/kind")
    with pytest.raises(GroundError, match="disk full") as failure:
        programs.build(["helm", "kind", "pause"])
    assert failure.value.step == "compile"
    assert failure.value.log is not None
    assert failure.value.log.exists()
    monkeypatch.delenv("GO_BREAKS_AT")
    folder = programs.build(["helm", "kind", "pause"])
    assert built(own_ground) == ["helm.sh/helm/v3/cmd/helm", "sigs.k8s.io/kind", "./pause"]
    assert sorted(path.name for path in folder.iterdir()) == ["helm", "kind", "pause"]


def test_two_runs_at_once_build_once(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("go", GO)
    monkeypatch.setenv("GO_TAKES", "1")
    code = "from cluster import programs; programs.build(['helm'])"
    runs = [
        subprocess.Popen([sys.executable, "-c", code], cwd=places.HERE.parent) for _ in range(2)
    ]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    assert built(own_ground) == ["helm.sh/helm/v3/cmd/helm"]


@pytest.mark.parametrize(
    ("told", "message"), [("go1.19.8", "go1.19.8 is too old: install Go"), ("", "is too old")]
)
def test_a_go_that_is_too_old_is_named_with_the_remedy(
    stand_in: Stand, told: str, message: str
) -> None:
    stand_in("go", f"echo {told}")
    with pytest.raises(GroundError, match=message):
        programs.build(["helm"])


def test_without_go_the_message_says_what_to_install(bare_path: None) -> None:
    with pytest.raises(GroundError, match=r"install Go 1\.24 or newer"):
        programs.build(["helm"])


def test_a_debian_that_was_cut_off_is_started_anew_and_never_taken_for_whole(
    stand_in: Stand, own_ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        "unshare",
        """
        for root in "$@"; do :; done
        mkdir -p "$root/etc/ssl/certs"
        if [ -n "$CUT_OFF" ]; then echo half > "$root/half"; echo "E: no network"; exit 1; fi
        echo whole > "$root/whole"
        """,
    )
    stand_in("debootstrap", "exit 0")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("CUT_OFF", "1")
    with pytest.raises(GroundError, match="E: no network"):
        rootfs.base()
    assert not list((own_ground / "cache").glob("*.tar"))
    monkeypatch.delenv("CUT_OFF")
    listed = commands.output(["tar", "-tf", rootfs.base()])
    assert "./whole" in listed
    assert "./half" not in listed


def test_what_a_killed_run_left_behind_is_cleared_by_the_next(own_ground: Path) -> None:
    target = places.cache() / "thing.tar"
    with places.unfinished(target) as scratch:
        pass
    scratch.mkdir()
    (scratch / "half").write_text("half")
    with places.unfinished(target) as again:
        assert not list(again.iterdir())
    assert not scratch.exists()


def test_a_failed_command_ends_with_all_that_it_started(own_ground: Path) -> None:
    marker = own_ground / "child"
    script = f"sleep 300 & echo $! > {marker}; wait"
    with pytest.raises(GroundError, match="took longer than 1 s"):
        commands.logged("wait", ["sh", "-c", script], log="wait", timeout=1)
    status = Path(f"/proc/{marker.read_text().strip()}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()
