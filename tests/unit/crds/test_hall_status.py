"""A Hall's status and its conditions, written and read."""

from __future__ import annotations

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import Condition, EventCursor, HallStatus, MalformedObjectError, PodFailure
from relay_crds.fields import Fields
from relay_crds.names import ConditionStatus, ConditionType
from unit.crds.objects import NOON, hall

status_texts = st.text(string.ascii_letters, min_size=1, max_size=12)
counts = st.none() | st.integers(0, 2**31 - 1)
times = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
)
statuses = st.builds(
    HallStatus,
    observed_generation=counts,
    conditions=st.lists(
        st.builds(
            Condition,
            type=status_texts,
            status=st.sampled_from(ConditionStatus),
            reason=status_texts,
            message=st.text(),
            last_transition_time=times,
            observed_generation=st.integers(0, 99),
        ),
        max_size=5,
    ).map(tuple),
    max_participants=counts,
    participant_count=counts,
    pod_name=st.none() | status_texts,
    pod_incarnation=counts,
    node_name=st.none() | status_texts,
    endpoint=st.none() | status_texts,
    ready_at=times,
    closed_at=times,
    closed_reason=st.none() | status_texts,
    last_pod_failure=st.none()
    | st.builds(
        PodFailure,
        pod_name=status_texts,
        reason=status_texts,
        at=times,
        node_name=st.none() | status_texts,
        message=st.none() | status_texts,
    ),
    pod_restarts=counts,
    event_cursor=st.none()
    | st.builds(EventCursor, pod_uid=status_texts, sequence=st.integers(0, 2**53)),
)


@given(statuses)
def test_a_status_survives_being_written_and_read_again(status):
    assert HallStatus.from_fields(Fields(status.to_object(), "status")) == status


def test_an_empty_status_writes_nothing():
    assert HallStatus().to_object() == {}


def test_a_condition_is_found_by_its_type():
    ready = {"type": "Ready", "status": "True", "reason": "Assigned",
             "lastTransitionTime": "2026-11-23T12:00:00.250Z"}  # fmt: skip
    status = hall(status={"conditions": [ready, {"type": "New", "status": "Unknown"}]}).status
    found = status.condition(ConditionType.READY)
    assert found is not None
    assert found.status is ConditionStatus.TRUE
    assert found.last_transition_time == NOON
    assert status.condition(ConditionType.RECORDING) is None
    assert status.condition("New") is not None


def test_a_condition_with_an_impossible_status_is_named():
    with pytest.raises(MalformedObjectError, match=r"status\.conditions\[0\]\.status is not True"):
        hall(status={"conditions": [{"type": "Ready", "status": "Maybe"}]})
