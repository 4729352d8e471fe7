"""What was written and is not seen yet."""

from __future__ import annotations

from relay_operator.expectations import EXPIRY_SECONDS, Expectations
from unit.operator.clock import Clock


def test_a_create_is_expected_until_it_is_seen_or_five_minutes_are_over(clock: Clock) -> None:
    found = Expectations(clock=clock)
    found.expect_create("hall", "a")
    found.expect_create("hall", "b")
    assert found.creates("hall") == {"a", "b"}
    found.created("hall", "a")
    assert found.creates("hall") == {"b"}
    clock.seconds += EXPIRY_SECONDS
    assert found.creates("hall") == frozenset()
    found.expire()
    assert found._creates == {}


def test_a_delete_is_remembered_by_its_uid_for_five_minutes(clock: Clock) -> None:
    found = Expectations(clock=clock)
    found.expect_delete("one")
    assert found.deletes(["one", "two"]) == {"one"}
    clock.seconds += EXPIRY_SECONDS
    assert found.deletes(["one"]) == frozenset()
    found.expire()
    assert found._deletes == {}
