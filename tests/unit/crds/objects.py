"""Objects as the API server gives them, and strategies for what may stand in them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from relay_crds import Hall

META = {"name": "standup", "uid": "u-1", "creationTimestamp": "2026-11-23T19:00:00Z"}
NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def hall(**parts):
    return Hall.from_object({"metadata": {**META, **parts.pop("metadata", {})}, **parts})
