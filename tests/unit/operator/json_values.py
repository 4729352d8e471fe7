"""Strategies for whatever JSON can say."""

from __future__ import annotations

from hypothesis import strategies as st

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)
