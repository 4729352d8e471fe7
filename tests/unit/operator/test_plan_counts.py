"""How often the plan writes what pods report."""

from __future__ import annotations

from dataclasses import replace

from relay_crds import Condition
from relay_crds.names import ConditionStatus, ConditionType
from relay_operator.plan import plan
from unit.operator.cases import (
    NOW,
    ago,
    hall,
    kinds,
    pod,
    report,
    seen,
    served,
    started,
    status_of,
    timer,
)


def test_a_new_count_is_written_with_the_cursor() -> None:
    before = served()
    told = report(pod(), participants=2, empty_since=None, sequence=9)
    status = status_of(plan(before, seen(pod(), reports=[told]), NOW), before)
    assert status.participant_count == 2
    assert status.event_cursor is not None
    assert status.event_cursor.sequence == 9


def test_a_count_is_written_once_a_second_at_most() -> None:
    told = report(pod(), participants=2, empty_since=None)
    observed = seen(pod(), reports=[told], status_written_at=ago(0.25))
    actions = plan(served(), observed, NOW)
    assert kinds(actions) == []
    assert timer(actions) == 0.75
    assert kinds(plan(served(), replace(observed, status_written_at=ago(1)), NOW)) == [
        "PatchStatus"
    ]


def test_the_cursor_alone_is_not_worth_a_write() -> None:
    told = report(pod(), sequence=500)
    assert kinds(plan(served(), seen(pod(), reports=[told]), NOW)) == []


def test_a_changed_condition_does_not_wait_for_the_second() -> None:
    told = report(pod())
    actions = plan(started(), seen(pod(), reports=[told], status_written_at=NOW), NOW)
    assert kinds(actions) == ["PatchStatus", "EmitEvent"]


def test_the_same_count_is_not_written() -> None:
    before = served(participants=2)
    told = report(pod(), participants=2, empty_since=None)
    assert kinds(plan(before, seen(pod(), reports=[told]), NOW)) == []


def test_a_hall_has_all_its_conditions_from_the_first_write_on() -> None:
    status = status_of(plan(hall(), seen(), NOW), hall())
    assert {found.type for found in status.conditions} == set(ConditionType)
    assert all(found.reason and found.last_transition_time for found in status.conditions)
    assert all(found.observed_generation == 1 for found in status.conditions)


def test_a_condition_that_a_newer_relay_wrote_is_kept() -> None:
    foreign = Condition(type="Mixing", status=ConditionStatus.TRUE, reason="Fine")
    before = replace(hall(), status=replace(hall().status, conditions=(foreign,)))
    status = status_of(plan(before, seen(), NOW), before)
    assert foreign in status.conditions


def test_a_new_generation_is_observed_even_where_nothing_else_changes() -> None:
    before = served()
    after = replace(before, meta=replace(before.meta, generation=5))
    status = status_of(plan(after, seen(pod(), reports=[report(pod())]), NOW), after)
    assert status.observed_generation == 5
    ready = status.condition(ConditionType.READY)
    old = before.status.condition(ConditionType.READY)
    assert ready is not None
    assert old is not None
    assert ready.observed_generation == 5
    assert ready.last_transition_time == old.last_transition_time
