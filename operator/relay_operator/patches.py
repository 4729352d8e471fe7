"""JSON merge patches (RFC 7396): the smallest one that turns one object into another."""

from __future__ import annotations

from collections.abc import Mapping


def merge_patch(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """What to send so that ``old`` becomes ``new``; empty where they are equal.

    Lists are replaced whole, as the RFC has it. No value of ``new`` may be ``None``.
    """
    patch: dict[str, object] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := merge_patch(before, value):
                patch[name] = inner
        elif name not in old or before != value:
            patch[name] = value
    return patch
