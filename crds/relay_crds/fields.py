"""Typed reading of raw JSON objects, where every complaint names the field's path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from relay_crds.errors import MalformedObjectError, MalformedTimeError
from relay_crds.times import parse_time


class Fields:
    """One JSON object within a Kubernetes object. A field that is ``null`` counts as absent.

    Every method raises ``MalformedObjectError`` where the field has another type than asked for.
    """

    __slots__ = ("_path", "_raw")

    def __init__(self, raw: object, path: str = "") -> None:
        """Wrap ``raw``; ``path`` is what complaints call it."""
        if not isinstance(raw, Mapping):
            raise MalformedObjectError(f"{path or 'the object'} is not a JSON object")
        self._raw: Mapping[str, object] = raw
        self._path = path

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def text(self, name: str) -> str | None:
        value = self._raw.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise MalformedObjectError(f"{self.path(name)} is missing")
        return value

    def integer(self, name: str) -> int | None:
        value = self._raw.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._wrong(name, "an integer")
        return value

    def flag(self, name: str) -> bool:
        """A boolean; absent is false."""
        value = self._raw.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(name, "a boolean")
        return value

    def time(self, name: str) -> datetime | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_time(text)
        except MalformedTimeError as error:
            raise MalformedObjectError(f"{self.path(name)}: {error}") from error

    def has(self, name: str) -> bool:
        return self._raw.get(name) is not None

    def section(self, name: str) -> Fields:
        """The object under ``name``; absent is an empty one."""
        value = self._raw.get(name)
        return Fields({} if value is None else value, self.path(name))

    def sections(self, name: str) -> list[Fields]:
        return [Fields(item, f"{self.path(name)}[{n}]") for n, item in enumerate(self._list(name))]

    def texts(self, name: str) -> tuple[str, ...]:
        items = self._list(name)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of strings")
        return tuple(str(item) for item in items)

    def raw_map(self, name: str) -> dict[str, object]:
        """The object under ``name`` as it is (a shallow copy); absent is an empty one."""
        return dict(self.section(name)._raw)

    def raw_maps(self, name: str) -> tuple[dict[str, object], ...]:
        return tuple(dict(item._raw) for item in self.sections(name))

    def text_map(self, name: str) -> dict[str, str]:
        """A map to strings. Numbers become strings, as in quantities such as ``cpu: 1``."""
        texts = {}
        for key, value in self.raw_map(name).items():
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise self._wrong(name, "a map of strings")
            texts[key] = str(value)
        return texts

    def _list(self, name: str) -> list[object]:
        value = self._raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self._wrong(name, "a list")
        return list(value)

    def _wrong(self, name: str, wanted: str) -> MalformedObjectError:
        return MalformedObjectError(f"{self.path(name)} is not {wanted}")
