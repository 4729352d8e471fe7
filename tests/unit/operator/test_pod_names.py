"""A pod's name and its incarnation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_operator.plan import incarnation_of, pod_name


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), st.integers(0, 10**9))
def test_a_pod_name_says_its_incarnation(hall: str, incarnation: int) -> None:
    assert incarnation_of(hall, pod_name(hall, incarnation)) == incarnation


@pytest.mark.parametrize("name", ["room-", "room-0", "room-01", "room-x", "rooms-1", "room-²"])
def test_a_name_that_relay_never_gives_has_no_incarnation(name: str) -> None:
    assert incarnation_of("room", name) is None
