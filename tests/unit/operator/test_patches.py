"""Merge patches against RFC 7396."""

from __future__ import annotations

from hypothesis import given

from relay_operator.patches import merge_patch
from unit.operator.json_values import OBJECTS


def _applied(target: dict[str, object], patch: dict[str, object]) -> dict[str, object]:
    """RFC 7396 §2, word for word."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = _applied(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_turns_the_one_into_the_other(
    old: dict[str, object], new: dict[str, object]
) -> None:
    assert _applied(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_nothing_is_sent_where_nothing_differs(found: dict[str, object]) -> None:
    assert merge_patch(found, found) == {}
