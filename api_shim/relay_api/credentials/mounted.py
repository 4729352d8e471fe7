"""Secrets as Kubernetes mounts them, read again when they change.

The kubelet replaces a mounted Secret by swapping the symbolic link ``..data``, so a change of the
folder, of the link or of a file is seen in their ``stat``. It is asked for at most once a second:
a request costs no system call, and a rotated or revoked secret counts within that second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

from relay_api.errors import CredentialUnavailableError

CHECK_EVERY_SECONDS: Final = 1.0
MAX_FILE_BYTES: Final = 1024 * 1024

T = TypeVar("T")
_Stamp = tuple[tuple[str, int, int, int], ...]


class MountedSecret(Generic[T]):
    """A value read from a file, or from the files of a folder by name.

    ``read`` gets the content by file name. It raises what ``get`` then raises, but only while
    there is no value yet: once read, a broken replacement leaves the last good value in use.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Mapping[str, bytes]], T],
        *,
        clock: Callable[[], float] = time.monotonic,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self._path = path
        self._read = read
        self._clock = clock
        self._on_error = on_error
        self._value: T | None = None
        self._stamp: _Stamp | None = None
        self._checked = float("-inf")

    def get(self) -> T:
        """The current value.

        Raises:
            CredentialUnavailableError: there is no value and the path cannot be read.
        """
        now = self._clock()
        if self._value is None or now - self._checked >= CHECK_EVERY_SECONDS:
            self._checked = now
            try:
                self._refresh()
            except Exception as error:
                if self._value is None:
                    raise
                if self._on_error is not None:
                    self._on_error(error)
        if self._value is None:
            raise CredentialUnavailableError(f"{self._path} has not been read yet.")
        return self._value

    def _refresh(self) -> None:
        try:
            stamp = self._stamp_now()
            if stamp == self._stamp:
                return
            content = {file.name: _content(file) for file in self._files()}
        except OSError as error:
            raise CredentialUnavailableError(
                f"{self._path} cannot be read: {error.strerror}. Is the Secret mounted there?"
            ) from error
        # The stamp is kept even where ``read`` fails, so that one bad file is told of once.
        self._stamp = stamp
        self._value = self._read(content)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        # Kubernetes' own links and folders start with two dots.
        return sorted(
            file
            for file in self._path.iterdir()
            if not file.name.startswith("..") and file.is_file()
        )

    def _stamp_now(self) -> _Stamp:
        return tuple(
            (file.name, status.st_ino, status.st_mtime_ns, status.st_size)
            for file in self._files()
            for status in (os.stat(file),)  # noqa: PTH116 - follows the links, as reading does
        )


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES)
