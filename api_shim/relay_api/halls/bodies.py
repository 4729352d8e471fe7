"""Reading request bodies: bytes from strangers in, typed requests or named complaints out. Pure.

Written by hand rather than with a schema library because every complaint must name the field and
the fix, in words of ours that stay the same.
"""

from __future__ import annotations

import difflib
import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from relay_api.credentials.tokens import Role
from relay_api.errors import Cause
from relay_api.halls.strict_json import printable, read_json
from relay_api.problems import invalid
from relay_crds import metadata_size
from relay_crds.hall import DEFAULT_MAX_PARTICIPANTS
from relay_crds.names import METADATA_MAX_BYTES

T = TypeVar("T")

MAX_BODY_BYTES: Final = 64 * 1024
MAX_METADATA_KEYS: Final = 64
MAX_NAME: Final = 200
MAX_IDENTITY: Final = 128
MAX_PARTICIPANTS: Final = 10_000
TOKEN_SECONDS: Final = (10, 30 * 24 * 3600)
DEFAULT_TOKEN_SECONDS: Final = 6 * 3600


@dataclass(frozen=True, kw_only=True)
class NewHall:
    name: str
    max_participants: int = DEFAULT_MAX_PARTICIPANTS
    record: bool = False
    moderation: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """``ttl_seconds`` counts from now. ``identity`` is None where one is to be made up."""

    identity: str | None = None
    name: str | None = None
    role: Role = Role.PARTICIPANT
    ttl_seconds: int = DEFAULT_TOKEN_SECONDS
    invite: bool = False


def read_new_hall(body: bytes) -> NewHall:
    """Read the body of ``POST /v1/halls``.

    Raises:
        ProblemError: ``malformed_json``, or ``validation_failed`` with every complaint at once.
    """
    reader = _Reader(
        read_json(body), ("name", "max_participants", "record", "moderation", "metadata")
    )
    name = reader.text("name", MAX_NAME)
    if name is None:
        reader.complain("name", f"is required: give a string of 1 to {MAX_NAME} characters")
    return reader.finish(
        lambda: NewHall(
            name=name or "",
            max_participants=reader.integer(
                "max_participants", DEFAULT_MAX_PARTICIPANTS, 1, MAX_PARTICIPANTS
            ),
            record=reader.flag("record"),
            moderation=reader.flag("moderation"),
            metadata=reader.metadata("metadata"),
        )
    )


def read_new_token(body: bytes) -> NewToken:
    """Read the body of ``POST /v1/halls/{hall_id}/tokens``; no body at all means all defaults.

    Raises:
        ProblemError: ``malformed_json``, or ``validation_failed`` with every complaint at once.
    """
    raw = read_json(body) if body else {}
    reader = _Reader(raw, ("identity", "name", "role", "ttl_seconds", "invite"))
    return reader.finish(
        lambda: NewToken(
            identity=reader.text("identity", MAX_IDENTITY),
            name=reader.text("name", MAX_NAME),
            role=Role(reader.choice("role", tuple(Role), Role.PARTICIPANT)),
            ttl_seconds=reader.integer("ttl_seconds", DEFAULT_TOKEN_SECONDS, *TOKEN_SECONDS),
            invite=reader.flag("invite"),
        )
    )


class _Reader:
    """One JSON object. Complaints are gathered, so that one answer names them all."""

    def __init__(self, raw: object, known: tuple[str, ...]) -> None:
        if not isinstance(raw, dict):
            raise invalid([Cause(field="", message="The body must be a JSON object, like {}.")])
        self._raw: dict[str, Any] = raw
        self._causes: list[Cause] = []
        for name in raw:
            if name not in known:
                close = difflib.get_close_matches(name[:64], known, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                self.complain(
                    printable(name[:64]),
                    f"is not a field of this request; {hint}known are {', '.join(known)}",
                )

    def complain(self, name: str, message: str) -> None:
        self._causes.append(Cause(field=name, message=message))

    def finish(self, make: Callable[[], T]) -> T:
        made = make()
        if self._causes:
            raise invalid(self._causes)
        return made

    def text(self, name: str, longest: int) -> str | None:
        value = self._raw.get(name)
        if value is None:
            if name in self._raw:
                self.complain(name, f"must be a string of 1 to {longest} characters, not null")
                return ""
            return None
        if not isinstance(value, str):
            self.complain(
                name, f"must be a string of 1 to {longest} characters, not {_kind(value)}"
            )
        elif not 1 <= len(value) <= longest:
            self.complain(name, f"must have 1 to {longest} characters; it has {len(value)}")
        elif complaint := _text_complaint(value):
            self.complain(name, complaint)
        return value if isinstance(value, str) else ""

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self._raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.complain(name, f"must be a whole number from {low} to {high}, not {_shown(value)}")
        elif not low <= value <= high:
            self.complain(name, f"must be from {low} to {high}; it is {_shown(value)}")
        else:
            return value
        return default

    def flag(self, name: str) -> bool:
        value = self._raw.get(name, False)
        if not isinstance(value, bool):
            self.complain(name, f"must be true or false, not {_shown(value)}")
            return False
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self._raw.get(name, default)
        if value not in choices:
            self.complain(name, f"must be one of {', '.join(choices)}, not {_shown(value)}")
            return default
        return str(value)

    def metadata(self, name: str) -> Mapping[str, object]:
        value = self._raw.get(name, {})
        if not isinstance(value, dict):
            self.complain(name, f"must be a JSON object, not {_kind(value)}")
            return {}
        if len(value) > MAX_METADATA_KEYS:
            self.complain(name, f"may have {MAX_METADATA_KEYS} keys at most; it has {len(value)}")
        if complaint := next(filter(None, map(_leaf_complaint, _leaves(value))), None):
            self.complain(name, complaint)
        elif (size := metadata_size(value)) > METADATA_MAX_BYTES:
            self.complain(
                name, f"may have {METADATA_MAX_BYTES} bytes as compact JSON; it has {size}"
            )
        return value


def _text_complaint(text: str) -> str | None:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        return "must not contain control characters or halves of surrogate pairs"
    if not text.strip():
        return "must not be blank"
    return None


def _leaf_complaint(leaf: object) -> str | None:
    if isinstance(leaf, str) and any("\ud800" <= character <= "\udfff" for character in leaf):
        return "must not contain halves of surrogate pairs (\\ud800 to \\udfff)"
    if isinstance(leaf, float) and not math.isfinite(leaf):
        return "must not contain numbers beyond the range of a double"
    if isinstance(leaf, int) and not -(2**63) <= leaf < 2**63:
        return "must not contain whole numbers beyond 64 bits; write them as strings"
    return None


def _leaves(value: object) -> Iterable[object]:
    """Every scalar and every key."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | bool) or value is None:
        text = json.dumps(value)
        return text if len(text) <= 32 else f"{text[:29]}..."
    return _kind(value)
