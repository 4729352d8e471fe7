from __future__ import annotations

from pathlib import Path

import pytest

from relay_api.credentials.mounted import MountedSecret
from relay_api.errors import CredentialUnavailableError, SettingsError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def mount(folder: Path, content: str, generation: str) -> None:
    """Write the folder as the kubelet does: a new folder, and ``..data`` swapped to it."""
    fresh = folder / f"..{generation}"
    fresh.mkdir()
    (fresh / "secret").write_text(content)
    link = folder / "..data_tmp"
    link.symlink_to(fresh.name)
    link.replace(folder / "..data")
    if not (folder / "secret").is_symlink():
        (folder / "secret").symlink_to("..data/secret")


def read(files):
    if files["secret"] == b"bad":
        raise SettingsError("bad")
    return files["secret"]


def test_a_swapped_mount_counts_within_a_second(tmp_path):
    mount(tmp_path, "one", "1")
    clock = Clock()
    secret = MountedSecret(tmp_path, read, clock=clock)
    assert secret.get() == b"one"
    mount(tmp_path, "two", "2")
    assert secret.get() == b"one", "asked for at most once a second"
    clock.now = 1.0
    assert secret.get() == b"two"


def test_a_single_file_behind_the_mount_is_followed_too(tmp_path):
    mount(tmp_path, "one", "1")
    clock = Clock()
    secret = MountedSecret(tmp_path / "secret", read, clock=clock)
    assert secret.get() == b"one"
    mount(tmp_path, "two", "2")
    clock.now = 2.0
    assert secret.get() == b"two"


def test_a_broken_replacement_leaves_the_last_good_value_and_is_told_of_once(tmp_path):
    mount(tmp_path, "one", "1")
    clock, told = Clock(), []
    secret = MountedSecret(tmp_path, read, clock=clock, on_error=told.append)
    secret.get()
    mount(tmp_path, "bad", "2")
    for clock.now in (2.0, 4.0, 6.0):
        assert secret.get() == b"one"
    assert len(told) == 1
    mount(tmp_path, "good", "3")
    clock.now = 8.0
    assert secret.get() == b"good"


def test_a_path_that_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(CredentialUnavailableError, match="nowhere"):
        MountedSecret(tmp_path / "nowhere", read).get()
